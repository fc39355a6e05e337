package io.outboxrelay.relay;

import io.outboxrelay.relay.command.ProgramCommand;

/** The program. Nothing depends on this class. */
public final class Main {

    private Main() {}

    /** Runs a command and ends the process with its exit code. */
    public static void main(String[] args) {
        System.setProperty("java.util.logging.SimpleFormatter.format", "%4$s %3$s: %5$s%n");
        System.exit(ProgramCommand.commandLine().execute(args));
    }
}
