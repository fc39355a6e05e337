package io.outboxrelay.relay;

import java.util.Optional;

import picocli.CommandLine.IVersionProvider;

/** The version that the jar was built as. */
final class Version implements IVersionProvider {

    static String text() {
        return "outbox-relay "
                + Optional.ofNullable(Version.class.getPackage().getImplementationVersion())
                        .orElse("(not built as a jar)");
    }

    @Override
    public String[] getVersion() {
        return new String[] {text()};
    }
}
