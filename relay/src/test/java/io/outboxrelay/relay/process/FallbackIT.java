package io.outboxrelay.relay.process;

import java.sql.SQLException;
import java.time.Duration;
import java.util.Map;

import io.outboxrelay.schema.SchemaScript;
import io.outboxrelay.testkit.KafkaServer;
import io.outboxrelay.testkit.PostgresServer;
import io.outboxrelay.testkit.RelayProcess;
import io.outboxrelay.testkit.history.Verdict;
import io.outboxrelay.testkit.workload.Workload;
import io.outboxrelay.testkit.workload.WorkloadPlan;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import static org.assertj.core.api.Assertions.assertThat;

/** The log cannot be read, for one reason after another: the relay goes on from the table, and returns by itself. */
class FallbackIT {

    private static final Logger log = LoggerFactory.getLogger(FallbackIT.class);

    @ParameterizedTest
    @MethodSource("io.outboxrelay.relay.process.Deployment#readersOfTheLog")
    void aSlotThatIsDroppedWhileItStreamsIsReplacedByTheTableWithinSeconds(String source) throws Exception {
        try (Deployment deployment = Deployment.create(PostgresServer.shared(), KafkaServer.shared());
                Workload workload =
                        deployment.startWorkload(WorkloadPlan.seeded(31).withEventsPerSecond(500))) {
            deployment.configure("source.type = " + source + "\n");
            RelayProcess relay = deployment.startRelay();
            Deployment.awaitMore(workload, 500);
            deployment.dropSlot();
            long dropped = System.nanoTime();
            relay.awaitLine("POLLING", Deployment.PATIENCE);
            Duration polling = Duration.ofNanos(System.nanoTime() - dropped);
            relay.awaitLines("STREAMING", 2, Deployment.PATIENCE);
            Duration streaming = Duration.ofNanos(System.nanoTime() - dropped);
            Deployment.awaitMore(workload, 500);

            Verdict verdict = deployment.judge(workload);
            log.info(
                    "Slot dropped: polling after {} ms, streaming again after {} ms; {}",
                    polling.toMillis(),
                    streaming.toMillis(),
                    verdict);
            verdict.requireCorrect();
            assertThat(polling).isLessThan(Duration.ofSeconds(5));
        }
    }

    @Test
    void aSlotThatIsDroppedWhileTheStreamIsBeingOpenedIsReplacedToo() throws Exception {
        try (Deployment deployment = Deployment.create(PostgresServer.shared(), KafkaServer.shared());
                Workload workload =
                        deployment.startWorkload(WorkloadPlan.seeded(36).withEventsPerSecond(300));
                var old = deployment.database().connect()) {
            RelayProcess first = deployment.startRelay();
            Deployment.awaitMore(workload, 300);
            first.terminate();
            assertThat(first.awaitExit(Deployment.PATIENCE)).isZero();
            old.setAutoCommit(false);
            try (var statement = old.createStatement()) {
                statement.execute(
                        "INSERT INTO outbox (aggregate_type, aggregate_id, type) VALUES ('order', 'old', 'placed')");
            }
            RelayProcess relay = deployment.launchRelay();
            relay.awaitLine("from the replication slot", Deployment.PATIENCE);
            deployment.dropSlot();
            long dropped = System.nanoTime();
            relay.awaitLine("POLLING", Deployment.PATIENCE);
            log.info("Polling {} ms after the slot was dropped beside an old transaction", millisSince(dropped));
            Deployment.awaitMore(workload, 300);
            assertThat(relay.output()).noneMatch(line -> line.contains("could not be dropped"));

            old.rollback();
            relay.awaitLine("STREAMING", Deployment.PATIENCE);
            Verdict verdict = deployment.judge(workload);
            log.info("Slot dropped while the stream was being opened: {}", verdict);
            verdict.requireCorrect();
        }
    }

    @Test
    void aSlotThatTheServerInvalidatesForItsSizeIsReplacedToo() throws Exception {
        try (PostgresServer postgres = PostgresServer.start(
                        Map.of("max_slot_wal_keep_size", "16MB", "max_wal_size", "64MB", "min_wal_size", "32MB"));
                KafkaServer kafka = KafkaServer.start();
                Deployment deployment = Deployment.create(postgres, kafka);
                Workload workload =
                        deployment.startWorkload(WorkloadPlan.seeded(32).withEventsPerSecond(300))) {
            RelayProcess relay = deployment.startRelay();
            Deployment.awaitMore(workload, 300);
            kafka.stop();
            Awaitility.await("the server to give the slot up")
                    .atMost(Deployment.PATIENCE)
                    .until(() -> {
                        deployment.writeLog(20);
                        deployment.database().execute("CHECKPOINT");
                        return "lost".equals(deployment.query("SELECT wal_status FROM pg_replication_slots"));
                    });
            kafka.restart();
            relay.awaitLine("POLLING", Deployment.PATIENCE);
            relay.awaitLines("STREAMING", 2, Deployment.PATIENCE);
            Deployment.awaitMore(workload, 300);

            Verdict verdict = deployment.judge(workload);
            log.info("Slot invalidated by max_slot_wal_keep_size: {}", verdict);
            verdict.requireCorrect();
        }
    }

    /** Since Postgres 18 the server passes over what was written meanwhile, with a warning; older ones end the stream. */
    @Test
    void rowsThatWereWrittenWithoutAPublicationComeFromTheTableInOrder() throws Exception {
        try (Deployment deployment = Deployment.create(PostgresServer.shared(), KafkaServer.shared());
                Workload workload =
                        deployment.startWorkload(WorkloadPlan.seeded(37).withEventsPerSecond(300))) {
            deployment.configure("source { type = pgoutput, fallback-after = 1s }\n");
            RelayProcess relay = deployment.startRelay();
            Deployment.awaitMore(workload, 300);
            deployment.database().execute("DROP PUBLICATION outbox_relay");
            Deployment.awaitMore(workload, 30);
            deployment.database().execute("CREATE PUBLICATION outbox_relay FOR TABLE outbox WITH (publish = 'insert')");
            relay.awaitLine("POLLING", Deployment.PATIENCE);
            relay.awaitLines("STREAMING", 2, Deployment.PATIENCE);
            Deployment.awaitMore(workload, 300);

            deployment.judge(workload).requireCorrect();
            assertThat(relay.output()).as("what the audit has found").noneMatch(line -> line.contains("OR-3408"));
        }
    }

    @Test
    void aServerWithoutLogicalDecodingIsPolled() throws Exception {
        try (PostgresServer postgres = PostgresServer.start(Map.of("wal_level", "replica"));
                Deployment deployment = Deployment.create(postgres, KafkaServer.shared())) {
            RelayProcess relay = deployment.launchRelay();
            relay.awaitLine("POLLING: the log cannot be read: OR-3001 wal_level", Deployment.PATIENCE);
            deployment.insert("k", "by the table");
            assertThat(deployment.read(1)).hasSize(1);
        }
    }

    @Test
    void aRoleThatMayNotReplicatePollsUntilItMay() throws Exception {
        try (Deployment deployment = Deployment.create(PostgresServer.shared(), KafkaServer.shared())) {
            String role = deployment.database().address().name() + "_role";
            deployment
                    .database()
                    .execute("CREATE ROLE " + role + " LOGIN PASSWORD 'secret'; GRANT SELECT, DELETE ON outbox TO "
                            + role + "; GRANT SELECT, INSERT, UPDATE, DELETE ON outbox_relay_checkpoint,"
                            + " outbox_relay_request TO " + role);
            deployment.configure("database { user = " + role + ", password = secret }\n");
            RelayProcess relay = deployment.launchRelay();
            relay.awaitLine("POLLING: the log cannot be read", Deployment.PATIENCE);
            assertThat(relay.output()).anyMatch(line -> line.contains("POLLING") && line.contains("REPLICATION"));
            deployment.insert("k", "by the table");
            assertThat(deployment.read(1)).hasSize(1);

            deployment.database().execute("ALTER ROLE " + role + " REPLICATION");
            relay.awaitLine("STREAMING", Deployment.PATIENCE);
            deployment.insert("k", "by the log");
            assertThat(deployment.read(2)).hasSize(2);
            relay.terminate();
            relay.awaitExit(Deployment.PATIENCE);
            deployment.database().execute("DROP OWNED BY " + role + "; DROP ROLE " + role);
        }
    }

    @Test
    void aBrokerThatIsDownDoesNotFillTheDiskOfTheDatabase() throws Exception {
        try (PostgresServer postgres = PostgresServer.start();
                KafkaServer kafka = KafkaServer.start();
                Deployment deployment = Deployment.create(
                        postgres.createDatabase(),
                        kafka,
                        SchemaScript.TABLE.sql() + SchemaScript.RELAY.sql(),
                        "source.max-retained-wal = 32m\n");
                Workload workload =
                        deployment.startWorkload(WorkloadPlan.seeded(33).withEventsPerSecond(300))) {
            RelayProcess relay = deployment.startRelay();
            Deployment.awaitMore(workload, 300);
            kafka.stop();
            deployment.writeLog(24);
            relay.awaitLine("more than half of source.max-retained-wal", Deployment.PATIENCE);
            deployment.writeLog(24);
            relay.awaitLine("Going over to the table", Deployment.PATIENCE);
            Awaitility.await("the slot to be dropped")
                    .atMost(Deployment.PATIENCE)
                    .until(() -> "0".equals(deployment.query("SELECT count(*) FROM pg_replication_slots")));
            Deployment.awaitMore(workload, 300);
            kafka.restart();
            relay.awaitLine("POLLING", Deployment.PATIENCE);
            relay.awaitLines("STREAMING", 2, Deployment.PATIENCE);

            Verdict verdict = deployment.judge(workload);
            log.info("Too much log while Kafka was down: {}", verdict);
            verdict.requireCorrect();
        }
    }

    @Test
    void aBrokerThatIsDownWhenTheRelayStartsDoesNotFillTheDiskEither() throws Exception {
        try (PostgresServer postgres = PostgresServer.start();
                KafkaServer kafka = KafkaServer.start();
                Deployment deployment = Deployment.create(
                        postgres.createDatabase(),
                        kafka,
                        SchemaScript.TABLE.sql() + SchemaScript.RELAY.sql(),
                        "source.max-retained-wal = 32m\nbroker.kafka.answer-timeout = 2s\n");
                Workload workload =
                        deployment.startWorkload(WorkloadPlan.seeded(35).withEventsPerSecond(300))) {
            RelayProcess first = deployment.startRelay();
            Deployment.awaitMore(workload, 300);
            kafka.stop();
            first.kill();
            RelayProcess relay = deployment.launchRelay();
            relay.awaitLine("WAITING", Deployment.PATIENCE);
            assertThat(slots(deployment)).as("slots").isEqualTo("1");
            deployment.writeLog(48);
            Awaitility.await("the slot to be dropped while nothing can be relayed")
                    .atMost(Deployment.PATIENCE)
                    .until(() -> "0".equals(slots(deployment)));
            assertThat(relay.output()).noneMatch(line -> line.contains("POLLING") || line.contains("STREAMING"));
            Deployment.awaitMore(workload, 300);
            kafka.restart();
            relay.awaitLine("POLLING", Deployment.PATIENCE);
            relay.awaitLine("STREAMING", Deployment.PATIENCE);

            Verdict verdict = deployment.judge(workload);
            log.info("Too much log while neither Kafka nor a run was there: {}", verdict);
            verdict.requireCorrect();
        }
    }

    @Test
    void aTransactionThatStaysOpenWhileTheSlotIsMadeDoesNotFillTheDisk() throws Exception {
        try (PostgresServer postgres = PostgresServer.start();
                Deployment deployment = Deployment.create(
                        postgres.createDatabase(),
                        KafkaServer.shared(),
                        SchemaScript.TABLE.sql() + SchemaScript.RELAY.sql(),
                        "source.max-retained-wal = 32m\n");
                var old = deployment.database().connect()) {
            old.setAutoCommit(false);
            try (var statement = old.createStatement()) {
                statement.execute(
                        "INSERT INTO outbox (aggregate_type, aggregate_id, type) VALUES ('order', 'old', 'placed')");
            }
            RelayProcess relay = deployment.launchRelay();
            relay.awaitLine("POLLING", Deployment.PATIENCE);
            awaitSlotBeingMade(deployment);
            deployment.writeLog(48);
            relay.awaitLine("more than source.max-retained-wal", Deployment.PATIENCE);
            Awaitility.await("log to be kept for no slot, or for a new one")
                    .atMost(Deployment.PATIENCE)
                    .until(() -> "t"
                            .equals(deployment.query("SELECT coalesce(max(pg_wal_lsn_diff(pg_current_wal_lsn(),"
                                    + " restart_lsn)), 0) < 32 * 1048576 FROM pg_replication_slots")));
            deployment.insert("k", "meanwhile");
            assertThat(deployment.read(1)).hasSize(1);

            old.commit();
            relay.awaitLine("STREAMING", Deployment.PATIENCE);
            assertThat(deployment.read(2)).hasSize(2);
        }
    }

    @Test
    void relaysWithDifferentSourcesTakeTurnsAndNeverReadAtOnce() throws Exception {
        try (Deployment deployment = Deployment.create(PostgresServer.shared(), KafkaServer.shared());
                Workload workload =
                        deployment.startWorkload(WorkloadPlan.seeded(34).withEventsPerSecond(500))) {
            RelayProcess log1 = deployment.startRelay();
            Deployment.awaitMore(workload, 500);

            deployment.configure("source.type = polling\n");
            RelayProcess table = deployment.launchRelay();
            table.awaitLine("STANDBY", Deployment.PATIENCE);
            Deployment.awaitMore(workload, 500);
            assertThat(table.output()).noneMatch(line -> line.contains("POLLING"));
            log1.terminate();
            table.awaitLine("POLLING", Deployment.PATIENCE);
            assertThat(slots(deployment)).as("slots that are left").isEqualTo("0");
            Deployment.awaitMore(workload, 500);

            deployment.configure("");
            RelayProcess log2 = deployment.launchRelay();
            log2.awaitLine("STANDBY", Deployment.PATIENCE);
            Deployment.awaitMore(workload, 500);
            assertThat(log2.output()).noneMatch(line -> line.contains("STREAMING"));
            table.terminate();
            log2.awaitLine("STREAMING", Deployment.PATIENCE);
            Deployment.awaitMore(workload, 500);

            Verdict verdict = deployment.judge(workload);
            log.info("The log, then the table, then the log: {}", verdict);
            verdict.requireCorrect();
            assertThat(log1.awaitExit(Deployment.PATIENCE)).isZero();
            assertThat(table.awaitExit(Deployment.PATIENCE)).isZero();
        }
    }

    @Test
    void aRelayIsToldToStopWhileItPollsAndWhileTheLogIsBeingMadeReady() throws Exception {
        try (Deployment deployment = Deployment.create(PostgresServer.shared(), KafkaServer.shared());
                var old = deployment.database().connect()) {
            old.setAutoCommit(false);
            try (var statement = old.createStatement()) {
                statement.execute(
                        "INSERT INTO outbox (aggregate_type, aggregate_id, type) VALUES ('order', 'old', 'placed')");
            }
            RelayProcess relay = deployment.launchRelay();
            relay.awaitLine("POLLING", Deployment.PATIENCE);
            awaitSlotBeingMade(deployment);
            long told = System.nanoTime();
            relay.terminate();
            assertThat(relay.awaitExit(Deployment.PATIENCE)).isZero();
            log.info("Stopped {} ms after it was told to, beside a slot that was being made", millisSince(told));
            assertThat(slots(deployment)).as("slots that are left").isEqualTo("0");

            old.rollback();
            deployment.startRelay();
            deployment.insert("k", "after that");
            assertThat(deployment.read(1)).hasSize(1);
        }
    }

    @Test
    void aFirstStartOnAnEmptyTableStreamsAtOnce() throws Exception {
        // A server of its own: elsewhere the slot may have to wait for transactions of other tests.
        try (PostgresServer postgres = PostgresServer.start();
                Deployment deployment = Deployment.create(postgres, KafkaServer.shared())) {
            long launched = System.nanoTime();
            RelayProcess relay = deployment.startRelay();
            log.info("A first start streams after {} ms", millisSince(launched));
            assertThat(relay.output()).noneMatch(line -> line.contains("POLLING"));
        }
    }

    private static void awaitSlotBeingMade(Deployment deployment) {
        Awaitility.await("the slot that is being made beside the reading of the table")
                .atMost(Deployment.PATIENCE)
                .until(() -> "1".equals(slots(deployment)));
    }

    private static String slots(Deployment deployment) throws SQLException {
        return deployment.query("SELECT count(*) FROM pg_replication_slots WHERE slot_name = '"
                + deployment.database().address().name() + "'");
    }

    private static long millisSince(long nanos) {
        return Duration.ofNanos(System.nanoTime() - nanos).toMillis();
    }
}
