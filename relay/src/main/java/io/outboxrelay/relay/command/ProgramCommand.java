package io.outboxrelay.relay.command;

import java.io.PrintWriter;
import java.sql.SQLException;
import java.util.List;

import io.outboxrelay.api.Code;
import io.outboxrelay.api.Coded;
import io.outboxrelay.api.config.Problem;
import io.outboxrelay.relay.config.ConfigurationException;
import io.outboxrelay.relay.config.RelayConfigReader;
import io.outboxrelay.relay.logging.LogLevels;
import io.outboxrelay.relay.ops.DatabaseFailure;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.UsageMessageSpec;
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
        synopsisSubcommandLabel = "COMMAND",
        versionProvider = ProgramVersion.class,
        usageHelpAutoWidth = true,
        exitCodeList = {
            "0:all is well",
            "1:a finding, or a failure at run time",
            "2:bad usage, or the configuration is wrong"
        },
        footer = {
            "A first start: put database and broker into conf/outbox-relay.conf; 'init' shows the SQL that the database"
                    + " lacks; 'check' says what else is missing; 'run' relays.",
            "'outbox-relay COMMAND --help' tells more about a command."
        })
public final class ProgramCommand implements Runnable {

    @Option(
            names = {"-h", "--help"},
            usageHelp = true,
            scope = ScopeType.INHERIT,
            description = "Show this help.")
    @SuppressWarnings("UnusedVariable") // What picocli finds here, it acts on itself.
    private boolean help;

    @Option(
            names = {"-V", "--version"},
            versionHelp = true,
            description = "Print the version.")
    @SuppressWarnings("UnusedVariable") // The same.
    private boolean version;

    @Option(
            names = "--verbose",
            scope = ScopeType.INHERIT,
            description = "Log what is for finding faults, and show stack traces.")
    private boolean verbose;

    @Spec
    private CommandSpec spec;

    private ProgramCommand() {}

    /** The command line with all commands, ready to be executed. */
    public static CommandLine commandLine() {
        return commandLine(RelayConfigReader.ofClassPath());
    }

    static CommandLine commandLine(RelayConfigReader reader) {
        ProgramCommand main = new ProgramCommand();
        CommandLine commandLine = new CommandLine(main)
                .addSubcommand(new RunCommand(reader))
                .addSubcommand(new InitCommand(reader))
                .addSubcommand(new CheckCommand(reader))
                .addSubcommand(new StatusCommand(reader))
                .addSubcommand(deadLetters(reader))
                .addSubcommand(new ConfigCommand(reader))
                .addSubcommand(new HealthCommand(reader))
                .addSubcommand(new VersionCommand())
                .addSubcommand(new CompletionCommand())
                .addSubcommand(new ClassArchiveCommand());
        style(commandLine);
        commandLine.setCaseInsensitiveEnumValuesAllowed(true);
        // An event's id may begin with @.
        commandLine.setExpandAtFiles(false);
        commandLine.setExecutionStrategy(main::execute);
        commandLine.setParameterExceptionHandler((e, args) -> badUsage(e));
        commandLine.setExecutionExceptionHandler((e, at, parsed) -> main.tell(e, at.getErr()));
        return commandLine;
    }

    /** What is printed is what was asked for: unless the log is, it goes to standard error. */
    private int execute(CommandLine.ParseResult parsed) {
        List<CommandLine> commands = parsed.asCommandLineList();
        Object command = commands.get(commands.size() - 1).getCommand();
        if (!(command instanceof RunCommand)) {
            System.setProperty("outboxrelay.log.target", "System.err");
        }
        if (!(command instanceof Quiet)) {
            LogLevels.apply(verbose);
        }
        return new CommandLine.RunLast().execute(parsed);
    }

    private static void style(CommandLine commandLine) {
        UsageMessageSpec usage = commandLine.getCommandSpec().usageMessage();
        usage.sortOptions(false)
                .descriptionHeading("%n")
                .parameterListHeading("%nArguments:%n")
                .optionListHeading("%nOptions:%n")
                .commandListHeading("%nCommands:%n")
                .footerHeading("%n");
        if (!usage.exitCodeList().isEmpty()) {
            usage.exitCodeListHeading("%nExit codes:%n");
        }
        commandLine.getSubcommands().values().forEach(ProgramCommand::style);
    }

    private static CommandLine deadLetters(RelayConfigReader reader) {
        DeadLettersCommand command = new DeadLettersCommand(reader);
        return new CommandLine(command).addSubcommand(new RedriveCommand(command));
    }

    /** Without a command there is nothing to do. */
    @Override
    public void run() {
        throw new ParameterException(spec.commandLine(), "Missing command");
    }

    private static int badUsage(ParameterException e) {
        CommandLine at = e.getCommandLine();
        at.getErr().println(at.getCommandSpec().qualifiedName() + ": " + Code.BAD_USAGE + " " + e.getMessage());
        if (!UnmatchedArgumentException.printSuggestions(e, at.getErr())) {
            at.getErr().println("Try '" + at.getCommandSpec().qualifiedName() + " --help'.");
        }
        return ExitCode.BAD_USAGE;
    }

    private int tell(Exception e, PrintWriter err) {
        int exit = ExitCode.FAILED;
        if (e instanceof ConfigurationException bad) {
            exit = ExitCode.BAD_USAGE;
            err.println("outbox-relay: "
                    + (bad.problems().isEmpty() ? bad.code() + " " + bad.getMessage() : bad.getMessage() + ":"));
            for (Problem problem : bad.problems()) {
                err.println("  " + problem);
            }
        } else if (e instanceof SQLException sql) {
            err.println("outbox-relay: " + code(sql) + " " + DatabaseFailure.of(sql));
        } else {
            err.println("outbox-relay: " + code(e) + " " + (e.getMessage() == null ? e.toString() : e.getMessage()));
        }
        if (verbose) {
            e.printStackTrace(err);
        }
        return exit;
    }

    private static Code code(Exception e) {
        for (Throwable cause = e; cause != null; cause = cause.getCause()) {
            if (cause instanceof Coded coded) {
                return coded.code();
            }
            if (cause instanceof SQLException sql) {
                return DatabaseFailure.of(sql).code();
            }
        }
        return Code.UNEXPECTED;
    }
}
