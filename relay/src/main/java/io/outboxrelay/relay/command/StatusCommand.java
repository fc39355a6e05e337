package io.outboxrelay.relay.command;

import java.io.IOException;
import java.io.PrintWriter;
import java.sql.SQLException;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.Callable;

import com.fasterxml.jackson.core.JsonProcessingException;
import io.outboxrelay.postgres.FiguresReader;
import io.outboxrelay.postgres.OutboxFigures;
import io.outboxrelay.relay.config.RelayConfig;
import io.outboxrelay.relay.config.RelayConfigReader;
import io.outboxrelay.relay.ops.DatabaseFailure;
import io.outboxrelay.relay.ops.OutboxPool;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** {@code status}: how it stands with an outbox and its relays. */
@Command(
        name = "status",
        description = {
            "Show how it stands: who relays the outbox, how far behind it is, and what waits.",
            "",
            "The figures come from the database, whichever relay leads; state, rates and the last error from the relay that"
                    + " runs on this machine with this configuration, if one does."
        },
        exitCodeList = {"0:shown", "1:the database cannot be asked", "2:bad usage, or the configuration is wrong"})
final class StatusCommand implements Callable<Integer> {

    private static final int OK = 200;
    private static final int NOT_READY = 503;

    private final RelayConfigReader reader;

    @Mixin
    private ConfigOption config;

    @Mixin
    private OutputOption output;

    @Spec
    private CommandSpec spec;

    StatusCommand(RelayConfigReader reader) {
        this.reader = reader;
    }

    @Override
    public Integer call() throws Exception {
        RelayConfig relay = reader.read(config.file());
        StatusPrinter printer = new StatusPrinter(relay);
        ask(new AdminPort(relay.admin()), printer);
        Optional<DatabaseFailure> failure = figures(relay, printer);
        PrintWriter out = spec.commandLine().getOut();
        if (output.isJson()) {
            out.println(JsonText.of(printer.json()));
        } else {
            printer.text(out);
        }
        return failure.isEmpty() ? ExitCode.FINE : ExitCode.FAILED;
    }

    private static Optional<DatabaseFailure> figures(RelayConfig relay, StatusPrinter printer) {
        try (OutboxPool pool = OutboxPool.open(relay.database(), relay.outbox(), relay.afterDelivery())) {
            pool.probe();
            FiguresReader figures =
                    new FiguresReader(pool.database(), relay.source().primary().slot());
            OutboxFigures found = figures.read();
            printer.figures(found, lag(found));
            return Optional.empty();
        } catch (SQLException e) {
            DatabaseFailure failure = DatabaseFailure.of(e);
            printer.noFigures(failure);
            return Optional.of(failure);
        }
    }

    /** How long the first unsent row has waited. */
    private static Optional<Duration> lag(OutboxFigures figures) {
        return figures.waiting()
                .flatMap(waiting -> waiting.rows() == 0 ? Optional.of(Duration.ZERO) : waiting.oldest());
    }

    private static void ask(AdminPort port, StatusPrinter printer) {
        if (!port.obstacle().isEmpty()) {
            printer.noRelay(port.obstacle());
            return;
        }
        try {
            AdminPort.Answer status = port.get("/api/status");
            if (status.status() == OK) {
                printer.relay(JsonText.parse(status.body()), port.url("/"));
                return;
            }
            AdminPort.Answer health = port.get("/health/ready");
            if (health.status() == OK || health.status() == NOT_READY) {
                printer.relay(JsonText.parse(health.body()), port.url("/"));
            } else {
                printer.noRelay("what answers at " + port.url("/") + " is no relay");
            }
        } catch (JsonProcessingException e) {
            printer.noRelay("what answers at " + port.url("/") + " is no relay");
        } catch (IOException e) {
            printer.noRelay(e.getMessage());
        }
    }
}
