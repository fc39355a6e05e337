package io.outboxrelay.relay.command;

import java.util.Locale;

import picocli.CommandLine.Option;

/** How a command writes what it has to say. */
final class OutputOption {

    enum Format {
        TEXT,
        JSON;

        /** As it is written on the command line. */
        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    @Option(
            names = "--output",
            paramLabel = "FORMAT",
            defaultValue = "text",
            description = "text for people or json for programs. Default: ${DEFAULT-VALUE}.")
    private Format format;

    boolean isJson() {
        return format == Format.JSON;
    }
}
