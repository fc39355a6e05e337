package io.outboxrelay.relay.process;

import io.outboxrelay.testkit.KafkaServer;
import io.outboxrelay.testkit.PostgresServer;
import io.outboxrelay.testkit.RelayProcess;
import io.outboxrelay.testkit.history.Verdict;
import io.outboxrelay.testkit.workload.Workload;
import io.outboxrelay.testkit.workload.WorkloadPlan;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import static org.assertj.core.api.Assertions.assertThat;

class CleanStopIT {

    @ParameterizedTest
    @CsvSource({"debezium, debezium", "pgoutput, pgoutput", "debezium, pgoutput"})
    void stoppedUnderLoadItExitsWith0AndTheNextStartReplaysNothing(String source, String next) throws Exception {
        try (Deployment deployment = Deployment.create(PostgresServer.shared(), KafkaServer.shared());
                Workload workload =
                        deployment.startWorkload(WorkloadPlan.seeded(7).withEventsPerSecond(1000))) {
            for (int stop = 0; stop < 3; stop++) {
                deployment.configure("source.type = " + (stop % 2 == 0 ? source : next) + "\n");
                RelayProcess relay = deployment.startRelay();
                Deployment.awaitMore(workload, 500);
                relay.terminate();
                assertThat(relay.awaitExit(Deployment.PATIENCE))
                        .as("%s", relay.output())
                        .isZero();
            }
            deployment.configure("source.type = " + next + "\n");
            deployment.startRelay();
            Verdict verdict = deployment.judge(workload);

            verdict.requireCorrect();
            assertThat(verdict.duplicates()).isZero();
        }
    }

    @Test
    void stoppedWhileItWaitsForADatabaseThatIsDownItExitsWith0() throws Exception {
        try (Deployment deployment = Deployment.create(PostgresServer.shared(), KafkaServer.shared())) {
            deployment.configure("database { host = 127.0.0.1, port = 1 }\n");
            RelayProcess relay = deployment.launchRelay();
            relay.awaitLine("WAITING", Deployment.PATIENCE);

            relay.terminate();
            assertThat(relay.awaitExit(Deployment.PATIENCE)).isZero();
        }
    }
}
