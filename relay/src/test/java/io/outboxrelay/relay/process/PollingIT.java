package io.outboxrelay.relay.process;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

import io.outboxrelay.schema.OutboxTable;
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

/** The poller with four shards, in two processes that share them. */
class PollingIT {

    private static final Logger log = LoggerFactory.getLogger(PollingIT.class);

    private static final int KILLS = 10;
    private static final long SEED = Long.getLong("kill.seed", 20_260_102L);
    private static final String POLLING = "source { type = polling, polling { shards = 4, lease = 3s } }\n";

    @Test
    void killedAgainAndAgainTwoRelaysLoseNothingAndKeepTheOrder() throws Exception {
        Random random = new Random(SEED);
        try (Deployment deployment = deployment(PostgresServer.shared(), KafkaServer.shared());
                Workload workload = workload(deployment, SEED, 1000)) {
            List<RelayProcess> relays = new ArrayList<>(List.of(deployment.launchRelay(), deployment.launchRelay()));
            for (int kill = 1; kill <= KILLS; kill++) {
                pause(500 + random.nextInt(2000));
                int victim = random.nextInt(2);
                relays.get(victim).kill();
                relays.set(victim, deployment.launchRelay());
            }
            Verdict verdict = deployment.judge(workload);
            log.info("Polling, {} kills of two relays, seed {}: {}", KILLS, SEED, verdict);
            verdict.requireCorrect();
            assertThat(verdict.committed()).isGreaterThan(1000);
            deployment.awaitEmptyTable();
        }
    }

    @Test
    void aPausedRelayLosesItsShardsAndDoesNoHarmWhenItComesBack() throws Exception {
        try (Deployment deployment = deployment(PostgresServer.shared(), KafkaServer.shared());
                Workload workload = workload(deployment, 21, 300)) {
            RelayProcess first = deployment.startRelay();
            RelayProcess second = deployment.startRelay();
            Deployment.awaitMore(workload, 500);
            first.pause();
            int paused = workload.committed();
            await("the second relay to deliver all that is committed, the first one's shards too")
                    .atMost(Deployment.PATIENCE)
                    .until(() -> delivered(deployment) > paused);
            Deployment.awaitMore(workload, 500);
            first.resume();
            Deployment.awaitMore(workload, 500);

            Verdict verdict = deployment.judge(workload);
            log.info("Polling, one of two relays paused: {}", verdict);
            verdict.requireCorrect();
            assertThat(second.isAlive()).isTrue();
            assertThat(first.isAlive()).isTrue();
        }
    }

    @Test
    void postgresIsRestartedKilledAndEndsItsSessions() throws Exception {
        try (PostgresServer postgres = PostgresServer.start();
                Deployment deployment = deployment(postgres, KafkaServer.shared());
                Workload workload = workload(deployment, 22, 500)) {
            RelayProcess first = deployment.startRelay();
            RelayProcess second = deployment.startRelay();
            Deployment.awaitMore(workload, 500);
            postgres.terminateBackends("backend_type = 'client backend'");
            Deployment.awaitMore(workload, 500);
            postgres.restart();
            Deployment.awaitMore(workload, 500);
            postgres.kill();
            postgres.restart();
            Deployment.awaitMore(workload, 500);

            Verdict verdict = deployment.judge(workload);
            log.info("Polling, Postgres restarted and killed: {}", verdict);
            verdict.requireCorrect();
            assertThat(first.isAlive()).isTrue();
            assertThat(second.isAlive()).isTrue();
        }
    }

    @Test
    void kafkaIsAwayForAWhile() throws Exception {
        try (KafkaServer kafka = KafkaServer.start();
                Deployment deployment = deployment(PostgresServer.shared(), kafka);
                Workload workload = workload(deployment, 23, 300)) {
            deployment.startRelay();
            deployment.startRelay();
            Deployment.awaitMore(workload, 300);
            kafka.stop();
            Deployment.awaitMore(workload, 1500);
            kafka.restart();
            Deployment.awaitMore(workload, 300);

            Verdict verdict = deployment.judge(workload);
            log.info("Polling, Kafka away: {}", verdict);
            verdict.requireCorrect();
        }
    }

    @Test
    void aCleanStopUnderLoadRepeatsNothing() throws Exception {
        try (Deployment deployment = deployment(PostgresServer.shared(), KafkaServer.shared());
                Workload workload = workload(deployment, 24, 500)) {
            for (int stop = 1; stop <= 3; stop++) {
                RelayProcess relay = deployment.startRelay();
                Deployment.awaitMore(workload, 300);
                relay.terminate();
                assertThat(relay.awaitExit(Deployment.PATIENCE)).isZero();
            }
            deployment.startRelay();
            Verdict verdict = deployment.judge(workload);
            verdict.requireCorrect();
            assertThat(verdict.duplicates()).isZero();
        }
    }

    /** Its seq is taken first, and it commits last, when rows with greater numbers are long delivered and gone. */
    @Test
    void aTransactionThatCommitsLateIsNotForgotten() throws Exception {
        try (Deployment deployment = deployment(PostgresServer.shared(), KafkaServer.shared());
                var late = deployment.database().connect();
                var statement = late.createStatement()) {
            deployment.startRelay();
            late.setAutoCommit(false);
            statement.execute(
                    "INSERT INTO outbox (aggregate_type, aggregate_id, type) VALUES ('order', 'late', 'late')");
            for (int i = 0; i < 50; i++) {
                deployment.insert("k" + i, "early");
            }
            assertThat(deployment.read(50)).hasSize(50);
            late.commit();

            assertThat(deployment.read(51)).extracting(record -> record.key()).contains("late");
        }
    }

    private static Deployment deployment(PostgresServer postgres, KafkaServer kafka) throws Exception {
        Deployment deployment = Deployment.create(postgres, kafka);
        deployment.configure(POLLING);
        return deployment;
    }

    private static Workload workload(Deployment deployment, long seed, int rate) throws Exception {
        return Workload.start(
                deployment.database().address(),
                OutboxTable.DEFAULT,
                WorkloadPlan.seeded(seed).withEventsPerSecond(rate));
    }

    private static long delivered(Deployment deployment) {
        return deployment.readAll().stream()
                .map(received -> received.eventId())
                .distinct()
                .count();
    }

    private static void pause(int millis) {
        Duration pause = Duration.ofMillis(millis);
        await("the moment of the next kill, which the seed chooses")
                .pollDelay(pause)
                .atMost(pause.plusSeconds(10))
                .until(() -> true);
    }
}
