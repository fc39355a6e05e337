package io.outboxrelay.relay;

import java.io.IOException;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;

import io.outboxrelay.api.Code;
import io.outboxrelay.api.Finding;
import io.outboxrelay.relay.config.RelayConfig;
import io.outboxrelay.relay.ops.DatabaseFailure;
import io.outboxrelay.relay.ops.OutboxPool;

/** Looks at database and broker as a relay does before it reads, whether or not the other can be reached. Changes nothing. */
public final class Checkup {

    private Checkup() {}

    /** All that was found: the sources, the relay's tables, the broker. What cannot be asked is an error. Blocks. */
    public static List<Finding> of(RelayConfig config) throws InterruptedException {
        List<Finding> findings = new ArrayList<>(database(config));
        findings.addAll(broker(config));
        return findings;
    }

    private static List<Finding> database(RelayConfig config) {
        try (OutboxPool pool = OutboxPool.open(config.database(), config.outbox(), config.afterDelivery())) {
            pool.probe();
            List<Finding> findings = new ArrayList<>(
                    SourcesCheck.of(config.source(), pool.database()).findings());
            findings.add(Preflight.ofDeadLetters(config, pool.database()).finding());
            Preflight.ofClaimChecks(config, pool.database()).ifPresent(findings::add);
            return findings;
        } catch (SQLException e) {
            DatabaseFailure failure = DatabaseFailure.of(e);
            return List.of(Finding.error(failure.code(), "database", failure.text(), failure.remedy()));
        }
    }

    private static List<Finding> broker(RelayConfig config) throws InterruptedException {
        try {
            return Preflight.ofBroker(config);
        } catch (IOException e) {
            return List.of(Finding.error(
                    Code.BROKER_UNREACHABLE,
                    "broker",
                    "cannot be asked: " + e.getMessage(),
                    "start it, or mend the section broker"));
        }
    }
}
