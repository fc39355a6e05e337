package io.outboxrelay.relay.command;

/** How a command ends the process. */
final class ExitCode {

    /** All is well. */
    static final int FINE = 0;

    /** A finding, or a failure at run time. */
    static final int FAILED = 1;

    /** Bad usage, or a bad configuration. */
    static final int BAD_USAGE = 2;

    private ExitCode() {}
}
