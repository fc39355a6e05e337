package io.outboxrelay.relay.command;

import java.nio.file.Path;

import picocli.CommandLine.Option;

/** The option that every command on a relay has. */
final class ConfigOption {

    @Option(names = "--config", required = true, paramLabel = "FILE", description = "The configuration, in HOCON.")
    private Path file;

    Path file() {
        return file;
    }
}
