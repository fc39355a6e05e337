package io.outboxrelay.relay;

import java.io.PrintWriter;
import java.sql.SQLException;

import io.outboxrelay.api.config.Problem;
import io.outboxrelay.relay.config.ConfigurationException;
import io.outboxrelay.relay.config.RelayConfigReader;
import io.outboxrelay.relay.ops.DatabaseFailure;
import io.outboxrelay.relay.ops.LogLevels;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ScopeType;
import picocli.CommandLine.Spec;
import picocli.CommandLine.UnmatchedArgumentException;

/**
 * The command line. Exit codes: 0 fine; 1 a finding, or a failure at run time; 2 bad usage or configuration. What went
 * wrong is one line on standard error.
 */
@Command(
        name = "outbox-relay",
        description = "Publishes the committed rows of an outbox table to a message broker, in order, none lost.",
        versionProvider = Version.class,
        mixinStandardHelpOptions = true,
        usageHelpAutoWidth = true)
public final class Main implements Runnable {

    /** All is well. */
    static final int FINE = 0;

    /** A finding, or a failure at run time. */
    static final int FAILED = 1;

    /** Bad usage, or a bad configuration. */
    static final int BAD_USAGE = 2;

    @Option(
            names = "--verbose",
            scope = ScopeType.INHERIT,
            description = "Log what is for finding faults, and show stack traces.")
    private boolean verbose;

    @Spec
    private CommandSpec spec;

    private Main() {}

    /** Runs a command and ends the process with its exit code. */
    public static void main(String[] args) {
        System.setProperty("java.util.logging.SimpleFormatter.format", "%4$s %3$s: %5$s%n");
        System.exit(commandLine(RelayConfigReader.ofClassPath()).execute(args));
    }

    static CommandLine commandLine(RelayConfigReader reader) {
        Main main = new Main();
        CommandLine commandLine = new CommandLine(main)
                .addSubcommand(new RunCommand(reader))
                .addSubcommand(new CheckCommand(reader))
                .addSubcommand(new DeadLettersCommand(reader))
                .addSubcommand(new VersionCommand());
        commandLine.setExecutionStrategy(parsed -> {
            LogLevels.apply(main.verbose);
            return new CommandLine.RunLast().execute(parsed);
        });
        commandLine.setParameterExceptionHandler((e, args) -> badUsage(e));
        commandLine.setExecutionExceptionHandler((e, at, parsed) -> main.tell(e, at.getErr()));
        return commandLine;
    }

    /** Without a command there is nothing to do. */
    @Override
    public void run() {
        throw new ParameterException(spec.commandLine(), "Missing command");
    }

    private static int badUsage(ParameterException e) {
        CommandLine at = e.getCommandLine();
        at.getErr().println(at.getCommandSpec().qualifiedName() + ": " + e.getMessage());
        if (!UnmatchedArgumentException.printSuggestions(e, at.getErr())) {
            at.getErr().println("Try '" + at.getCommandSpec().qualifiedName() + " --help'.");
        }
        return BAD_USAGE;
    }

    private int tell(Exception e, PrintWriter err) {
        int code = FAILED;
        if (e instanceof ConfigurationException bad) {
            code = BAD_USAGE;
            err.println("outbox-relay: " + bad.getMessage() + (bad.problems().isEmpty() ? "" : ":"));
            for (Problem problem : bad.problems()) {
                err.println("  " + problem);
            }
        } else if (e instanceof SQLException sql) {
            err.println("outbox-relay: " + DatabaseFailure.of(sql));
        } else {
            err.println("outbox-relay: " + (e.getMessage() == null ? e.toString() : e.getMessage()));
        }
        if (verbose) {
            e.printStackTrace(err);
        }
        return code;
    }
}
