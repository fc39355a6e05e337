package io.outboxrelay.relay.process;

import java.time.Duration;

import io.outboxrelay.testkit.KafkaServer;
import io.outboxrelay.testkit.PostgresServer;
import io.outboxrelay.testkit.RelayProcess;
import io.outboxrelay.testkit.history.Verdict;
import io.outboxrelay.testkit.workload.Workload;
import io.outboxrelay.testkit.workload.WorkloadPlan;
import org.junit.jupiter.api.Test;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

class LongOutageIT {

    private static final Logger log = LoggerFactory.getLogger(LongOutageIT.class);

    /** The Kafka client gives up a message after 120 s by default; this outage is longer. */
    private static final Duration LONG_OUTAGE = Duration.ofSeconds(130);

    @Test
    void kafkaIsAwayForLongerThanItsClientsDefaultPatience() throws Exception {
        try (KafkaServer kafka = KafkaServer.start();
                Deployment deployment = Deployment.create(PostgresServer.shared(), kafka);
                Workload workload =
                        deployment.startWorkload(WorkloadPlan.seeded(12).withEventsPerSecond(100))) {
            RelayProcess relay = deployment.startRelay();
            Deployment.awaitMore(workload, 200);
            kafka.stop();
            await("an outage longer than the client's default patience")
                    .pollDelay(LONG_OUTAGE)
                    .atMost(LONG_OUTAGE.plusSeconds(10))
                    .until(() -> true);
            kafka.restart();
            Deployment.awaitMore(workload, 200);

            Verdict verdict = deployment.judge(workload);
            log.info("Kafka away for {}: {}", LONG_OUTAGE, verdict);
            verdict.requireCorrect();
            assertThat(relay.isAlive()).isTrue();
        }
    }
}
