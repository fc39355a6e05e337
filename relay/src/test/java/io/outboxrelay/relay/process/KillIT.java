package io.outboxrelay.relay.process;

import java.time.Duration;
import java.util.Random;

import io.outboxrelay.testkit.KafkaServer;
import io.outboxrelay.testkit.PostgresServer;
import io.outboxrelay.testkit.RelayProcess;
import io.outboxrelay.testkit.history.Verdict;
import io.outboxrelay.testkit.workload.Workload;
import io.outboxrelay.testkit.workload.WorkloadPlan;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

class KillIT {

    private static final Logger log = LoggerFactory.getLogger(KillIT.class);

    private static final int KILLS = 16;
    private static final long SEED = Long.getLong("kill.seed", 20_260_101L);

    /** Kills come at any moment of a relay's life: while it starts, while it streams, in the middle of a flush. */
    @ParameterizedTest
    @MethodSource("io.outboxrelay.relay.process.Deployment#readersOfTheLog")
    void killedAgainAndAgainUnderConcurrentWritersItLosesNothingAndKeepsTheOrder(String source) throws Exception {
        Random random = new Random(SEED);
        try (Deployment deployment = Deployment.create(PostgresServer.shared(), KafkaServer.shared());
                Workload workload =
                        deployment.startWorkload(WorkloadPlan.seeded(SEED).withEventsPerSecond(1000))) {
            deployment.configure("source.type = " + source + "\n");
            for (int kill = 1; kill <= KILLS; kill++) {
                RelayProcess relay = deployment.launchRelay();
                if (kill % 4 != 0) {
                    relay.awaitLine("STREAMING", Deployment.PATIENCE);
                }
                pause(random.nextInt(1500));
                relay.kill();
            }
            deployment.startRelay();
            Verdict verdict = deployment.judge(workload);
            log.info("{} kills of {}, seed {}: {}", KILLS, source, SEED, verdict);
            verdict.requireCorrect();
            assertThat(verdict.committed()).isGreaterThan(1000);
        }
    }

    private static void pause(int millis) {
        Duration pause = Duration.ofMillis(millis);
        await("the moment of the next kill, which the seed chooses")
                .pollDelay(pause)
                .atMost(pause.plusSeconds(10))
                .until(() -> true);
    }
}
