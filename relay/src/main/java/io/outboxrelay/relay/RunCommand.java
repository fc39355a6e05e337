package io.outboxrelay.relay;

import java.io.IOException;
import java.sql.SQLException;
import java.util.Optional;
import java.util.concurrent.Callable;

import io.outboxrelay.relay.config.RelayConfig;
import io.outboxrelay.relay.config.RelayConfigReader;
import io.outboxrelay.relay.ops.DatabaseFailure;
import io.outboxrelay.relay.ops.Health;
import io.outboxrelay.relay.ops.HealthServer;
import io.outboxrelay.relay.ops.OutboxPool;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** {@code run}: relays until it is told to stop. */
@Command(
        name = "run",
        description = "Relay the outbox until SIGTERM or SIGINT.",
        mixinStandardHelpOptions = true,
        exitCodeListHeading = "Exit codes:%n",
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
        Logger log = LoggerFactory.getLogger(RunCommand.class);
        log.info("{} relays {} of {}", Version.text(), relay.outbox(), relay.database());
        try (StopOnSignal signals = StopOnSignal.listen(relay.shutdownTimeout())) {
            int code = relay(relay, signals);
            signals.ended(code);
            return code;
        }
    }

    private static int relay(RelayConfig config, StopOnSignal signals)
            throws IOException, SQLException, InterruptedException {
        Health health = new Health();
        Optional<HealthServer> probes =
                config.health().enabled() ? Optional.of(HealthServer.start(config.health(), health)) : Optional.empty();
        try (OutboxPool pool = OutboxPool.open(config.database(), config.outbox())) {
            requireNoRefusal(pool);
            return signals.run(new Relay(config, pool.database(), health));
        } finally {
            probes.ifPresent(HealthServer::close);
        }
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
