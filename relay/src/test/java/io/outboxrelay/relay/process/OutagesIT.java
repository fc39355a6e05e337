package io.outboxrelay.relay.process;

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

/** One relay process lives through everything that happens to its servers. */
class OutagesIT {

    private static final Logger log = LoggerFactory.getLogger(OutagesIT.class);

    @Test
    void postgresIsRestartedKilledAndEndsItsSessions() throws Exception {
        try (PostgresServer postgres = PostgresServer.start();
                Deployment deployment = Deployment.create(postgres, KafkaServer.shared());
                Workload workload =
                        deployment.startWorkload(WorkloadPlan.seeded(11).withEventsPerSecond(500))) {
            RelayProcess relay = deployment.startRelay();
            Deployment.awaitMore(workload, 500);
            postgres.terminateBackends("backend_type = 'walsender'");
            Deployment.awaitMore(workload, 500);
            postgres.terminateBackends("backend_type IN ('client backend', 'walsender')");
            Deployment.awaitMore(workload, 500);
            postgres.restart();
            Deployment.awaitMore(workload, 500);
            postgres.kill();
            postgres.restart();
            Deployment.awaitMore(workload, 500);

            Verdict verdict = deployment.judge(workload);
            log.info("Postgres restarted and killed: {}", verdict);
            verdict.requireCorrect();
            assertThat(relay.isAlive()).isTrue();
            assertThat(relay.output())
                    .as("a database that is down is no failure of the log")
                    .noneMatch(line -> line.contains("POLLING"));
        }
    }

    @Test
    void theRelayWaitsForAKafkaThatIsDownAtItsStart() throws Exception {
        try (KafkaServer kafka = KafkaServer.start();
                Deployment deployment = Deployment.create(PostgresServer.shared(), kafka)) {
            deployment.createSlot();
            kafka.stop();
            RelayProcess relay = deployment.launchRelay();
            relay.awaitLine("WAITING", Deployment.PATIENCE);
            deployment.insert("k", "patience");
            kafka.restart();

            assertThat(deployment.read(1)).hasSize(1);
        }
    }

    @Test
    void theRelayWaitsForAPostgresThatIsDownAtItsStart() throws Exception {
        try (PostgresServer postgres = PostgresServer.start();
                Deployment deployment = Deployment.create(postgres, KafkaServer.shared())) {
            postgres.stop();
            RelayProcess relay = deployment.launchRelay();
            relay.awaitLine("WAITING", Deployment.PATIENCE);
            postgres.restart();
            relay.awaitLine("STREAMING", Deployment.PATIENCE);
            deployment.insert("k", "patience");

            assertThat(deployment.read(1)).hasSize(1);
        }
    }
}
