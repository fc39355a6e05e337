package io.outboxrelay.relay.process;

import java.util.concurrent.TimeUnit;

import io.outboxrelay.testkit.KafkaServer;
import io.outboxrelay.testkit.PostgresServer;
import io.outboxrelay.testkit.RelayProcess;
import io.outboxrelay.testkit.StoredRecord;
import org.junit.jupiter.api.Test;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import static org.assertj.core.api.Assertions.assertThat;

class StandbyIT {

    private static final Logger log = LoggerFactory.getLogger(StandbyIT.class);

    @Test
    void aSecondRelaySaysWhoHoldsTheSlotAndTakesOverAfterAKill() throws Exception {
        try (Deployment deployment = Deployment.create(PostgresServer.shared(), KafkaServer.shared())) {
            RelayProcess first = deployment.startRelay();
            RelayProcess second = deployment.launchRelay();
            second.awaitLine("STANDBY", Deployment.PATIENCE);
            String holder = deployment.query("SELECT active_pid FROM pg_replication_slots WHERE slot_name = '"
                    + deployment.database().address().name() + "'");
            assertThat(second.output()).anyMatch(line -> line.contains("STANDBY") && line.contains(holder));

            first.kill();
            long killed = System.nanoTime();
            second.awaitLine("STREAMING", Deployment.PATIENCE);
            log.info("Took over after {} ms", TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - killed));
            deployment.insert("k", "after the take-over");
            assertThat(deployment.read(1)).extracting(StoredRecord::key).containsExactly("k");
        }
    }

    @Test
    void aStandbyEndsAtOnceWhenToldTo() throws Exception {
        try (Deployment deployment = Deployment.create(PostgresServer.shared(), KafkaServer.shared())) {
            deployment.startRelay();
            RelayProcess second = deployment.launchRelay();
            second.awaitLine("STANDBY", Deployment.PATIENCE);

            second.terminate();
            assertThat(second.awaitExit(Deployment.PATIENCE)).isZero();
        }
    }
}
