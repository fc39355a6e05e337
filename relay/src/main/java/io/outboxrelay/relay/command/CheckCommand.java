package io.outboxrelay.relay.command;

import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;

import io.outboxrelay.api.Finding;
import io.outboxrelay.api.config.Problem;
import io.outboxrelay.relay.Checkup;
import io.outboxrelay.relay.config.ConfigurationException;
import io.outboxrelay.relay.config.RelayConfig;
import io.outboxrelay.relay.config.RelayConfigReader;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code check}: looks at database and broker, prints all findings, and changes nothing. */
@Command(
        name = "check",
        description = {
            "Check the configuration, the database and the broker, and change nothing.",
            "",
            "Each line is ok, a warning (the relay works, but may not go on to) or an error (it cannot work, or would lose"
                    + " events), and says what mends it. A remedy that is SQL can be run as it is printed."
        },
        exitCodeList = {
            "0:the relay can work; there may be warnings",
            "1:an error keeps it from its work; with --strict, also for a warning",
            "2:bad usage, or the configuration is wrong"
        })
final class CheckCommand implements Callable<Integer> {

    private final RelayConfigReader reader;

    @Mixin
    private ConfigOption config;

    @Option(names = "--strict", description = "Take warnings for errors.")
    private boolean strict;

    @Mixin
    private OutputOption output;

    @Spec
    private CommandSpec spec;

    CheckCommand(RelayConfigReader reader) {
        this.reader = reader;
    }

    @Override
    public Integer call() throws Exception {
        List<Finding> findings = new ArrayList<>();
        try {
            RelayConfig relay = reader.read(config.file());
            findings.add(Finding.ok("configuration", config.file() + " is read"));
            findings.addAll(Checkup.of(relay));
        } catch (ConfigurationException e) {
            if (!output.isJson()) {
                throw e;
            }
            printer().print(ofConfiguration(e));
            return ExitCode.BAD_USAGE;
        }
        printer().print(findings);
        Finding.Level bad = strict ? Finding.Level.WARNING : Finding.Level.ERROR;
        return findings.stream().anyMatch(finding -> finding.level().compareTo(bad) >= 0)
                ? ExitCode.FAILED
                : ExitCode.FINE;
    }

    private FindingPrinter printer() {
        PrintWriter out = spec.commandLine().getOut();
        return new FindingPrinter(out, output.isJson(), spec.commandLine().getColorScheme());
    }

    private static List<Finding> ofConfiguration(ConfigurationException e) {
        if (e.problems().isEmpty()) {
            return List.of(Finding.error(e.code(), "configuration", e.getMessage(), ""));
        }
        return e.problems().stream().map(CheckCommand::ofProblem).toList();
    }

    private static Finding ofProblem(Problem problem) {
        String where = problem.where().isEmpty() ? "" : " (" + problem.where() + ")";
        return Finding.error(problem.code(), problem.path(), problem.text() + where, "");
    }
}
