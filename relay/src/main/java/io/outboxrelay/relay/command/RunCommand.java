package io.outboxrelay.relay.command;

import java.io.IOException;
import java.sql.SQLException;
import java.util.concurrent.Callable;

import io.outboxrelay.postgres.FiguresReader;
import io.outboxrelay.relay.Relay;
import io.outboxrelay.relay.admin.AdminServer;
import io.outboxrelay.relay.admin.Console;
import io.outboxrelay.relay.claimcheck.ClaimCheckEndpoint;
import io.outboxrelay.relay.config.RelayConfig;
import io.outboxrelay.relay.config.RelayConfigReader;
import io.outboxrelay.relay.delivery.Tracing;
import io.outboxrelay.relay.logging.Logging;
import io.outboxrelay.relay.ops.DatabaseFailure;
import io.outboxrelay.relay.ops.FiguresWatch;
import io.outboxrelay.relay.ops.Health;
import io.outboxrelay.relay.ops.HealthWatch;
import io.outboxrelay.relay.ops.Metrics;
import io.outboxrelay.relay.ops.OutboxPool;
import io.outboxrelay.relay.ops.Version;
import io.outboxrelay.relay.tracing.OtlpTracing;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** {@code run}: relays until it is told to stop. */
@Command(
        name = "run",
        description = "Relay the outbox until SIGTERM or SIGINT.",
        exitCodeList = {
            "0:told to stop, and stopped in good order",
            "1:could not start, for a reason that waiting does not mend",
            "2:the configuration is wrong"
        })
final class RunCommand implements Callable<Integer> {

    private final RelayConfigReader reader;

    @Mixin
    private ConfigOption config;

    RunCommand(RelayConfigReader reader) {
        this.reader = reader;
    }

    @Override
    public Integer call() throws Exception {
        RelayConfig relay = reader.read(config.file());
        Logging.apply(relay.logging());
        Logger log = LoggerFactory.getLogger(RunCommand.class);
        log.info("{} relays {} of {}", Version.text(), relay.outbox(), relay.database());
        try (StopOnSignal signals = StopOnSignal.listen(relay.shutdownTimeout())) {
            int code = relay(relay, signals);
            signals.ended(code);
            return code;
        }
    }

    @SuppressWarnings("try") // The console works by itself until it is closed.
    private static int relay(RelayConfig config, StopOnSignal signals)
            throws IOException, SQLException, InterruptedException {
        Health health = new Health();
        Metrics metrics = new Metrics(health);
        // What answers ends before what it asks.
        try (OtlpTracing tracing = tracing(config);
                OutboxPool pool = OutboxPool.open(config.database(), config.outbox(), config.afterDelivery());
                FiguresWatch figures = FiguresWatch.start(new FiguresReader(
                        pool.database(), config.source().primary().slot()));
                HealthWatch watch = new HealthWatch(health, figures);
                ClaimCheckEndpoint payloads = payloads(config, pool);
                AdminServer probes = probes(config, health, metrics);
                Console console = probes == null
                        ? null
                        : Console.open(probes, config, pool.database(), health, metrics, figures::latest)) {
            requireNoRefusal(pool);
            metrics.figuresAre(figures::latest);
            watch.start();
            if (console != null) {
                console.start();
            }
            if (probes != null && payloads != null) {
                probes.serve(ClaimCheckEndpoint.PATH, payloads);
            }
            return signals.run(new Relay(
                    config, pool.database(), health, metrics, tracing == null ? Tracing.OFF : tracing.spans()));
        }
    }

    /** Null where nothing is traced; then not even a reference to a method loads a class of the library. */
    private static OtlpTracing tracing(RelayConfig config) {
        return config.tracing().isPresent() ? OtlpTracing.open(config.tracing().get()) : null;
    }

    /** Null where nobody may fetch payloads. */
    private static ClaimCheckEndpoint payloads(RelayConfig config, OutboxPool pool) {
        return config.delivery()
                .claimCheck()
                .token()
                .map(token -> new ClaimCheckEndpoint(pool.database(), token))
                .orElse(null);
    }

    /** Null where nobody may probe. */
    private static AdminServer probes(RelayConfig config, Health health, Metrics metrics) throws IOException {
        return config.admin().enabled() ? AdminServer.start(config.admin(), health, metrics) : null;
    }

    /** Through the pool a wrong password would take its whole patience. A database that is down is the relay's to wait for. */
    private static void requireNoRefusal(OutboxPool pool) throws SQLException {
        try {
            pool.probe();
        } catch (SQLException e) {
            if (!DatabaseFailure.of(e).waitingMends()) {
                throw e;
            }
        }
    }
}
