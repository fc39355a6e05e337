package io.outboxrelay.relay;

import java.io.IOException;
import java.io.PrintWriter;
import java.sql.SQLException;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;

import io.outboxrelay.api.Finding;
import io.outboxrelay.relay.config.RelayConfig;
import io.outboxrelay.relay.config.RelayConfigReader;
import io.outboxrelay.relay.ops.DatabaseFailure;
import io.outboxrelay.relay.ops.OutboxPool;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** {@code check}: looks at database and broker, prints all findings, and changes nothing. */
@Command(
        name = "check",
        description = "Check the configuration, the database and the broker, and change nothing.",
        mixinStandardHelpOptions = true,
        exitCodeListHeading = "Exit codes:%n",
        exitCodeList = {"0:the relay could run", "1:something keeps it from its work", "2:the configuration is wrong"})
final class CheckCommand implements Callable<Integer> {

    private final RelayConfigReader reader;

    @Mixin
    private ConfigOption config;

    @Spec
    private CommandSpec spec;

    CheckCommand(RelayConfigReader reader) {
        this.reader = reader;
    }

    @Override
    public Integer call() throws Exception {
        RelayConfig relay = reader.read(config.file());
        PrintWriter out = spec.commandLine().getOut();
        boolean good = tell(Finding.ok("configuration", config.file() + " is read"), out);
        try (OutboxPool pool = OutboxPool.open(relay.database(), relay.outbox())) {
            good &= tellAll(database(relay, pool), out);
        }
        good &= tellAll(broker(relay), out);
        return good ? Main.FINE : Main.FAILED;
    }

    private static List<Finding> database(RelayConfig relay, OutboxPool pool) {
        try {
            pool.probe();
            return Preflight.ofSource(relay, pool.database());
        } catch (SQLException e) {
            DatabaseFailure failure = DatabaseFailure.of(e);
            return List.of(Finding.error("database", failure.text(), failure.remedy()));
        }
    }

    private static List<Finding> broker(RelayConfig relay) throws InterruptedException {
        try {
            return Preflight.ofBroker(relay);
        } catch (IOException e) {
            return List.of(Finding.error(
                    "broker", "cannot be asked: " + e.getMessage(), "start it, or mend the section broker"));
        }
    }

    private static boolean tellAll(List<Finding> findings, PrintWriter out) {
        return findings.stream().map(finding -> tell(finding, out)).reduce(true, Boolean::logicalAnd);
    }

    private static boolean tell(Finding finding, PrintWriter out) {
        out.println(String.format(Locale.ROOT, "%-7s %s", finding.level(), finding));
        return finding.level() != Finding.Level.ERROR;
    }
}
