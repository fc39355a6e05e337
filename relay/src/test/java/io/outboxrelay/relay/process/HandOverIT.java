package io.outboxrelay.relay.process;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

import io.outboxrelay.testkit.KafkaServer;
import io.outboxrelay.testkit.PostgresServer;
import io.outboxrelay.testkit.RelayProcess;
import io.outboxrelay.testkit.StoredRecord;
import io.outboxrelay.testkit.history.Verdict;
import io.outboxrelay.testkit.workload.Workload;
import io.outboxrelay.testkit.workload.WorkloadPlan;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import static org.assertj.core.api.Assertions.assertThat;

/** From the log to the table and back, under load, with the relay killed at every step of the way. */
class HandOverIT {

    private static final Logger log = LoggerFactory.getLogger(HandOverIT.class);

    private static final String QUICK = "restart { initial = 200ms, max = 1s }\n";

    private static final String POLLING = "Health: OR-3404 POLLING";
    private static final String STREAMING = "Health: STREAMING";
    private static final int KILLS_AT_EACH_STEP = 3;

    /** Not the shared one: how much log is kept for a slot counts here, and all databases of a server write to one log. */
    private static PostgresServer postgres;

    @BeforeAll
    static void startPostgres() {
        postgres = PostgresServer.start();
    }

    @AfterAll
    static void stopPostgres() {
        postgres.close();
    }

    /** Where the relay is on its way, as the database shows it. */
    enum Step {
        /** The old slot is still there, which the relay leaves for its size. */
        POSITION_GIVEN_UP("EXISTS (SELECT FROM outbox_relay_checkpoint WHERE phase = 'handover')"
                + " AND EXISTS (SELECT FROM slot WHERE active AND confirmed_flush_lsn IS NOT NULL)"),
        SLOT_DROPPED("EXISTS (SELECT FROM outbox_relay_checkpoint WHERE phase = 'handover')"
                + " AND NOT EXISTS (SELECT FROM slot)"),
        SLOT_BEING_MADE("EXISTS (SELECT FROM outbox_relay_checkpoint WHERE phase = 'handover')"
                + " AND EXISTS (SELECT FROM slot WHERE active)"),
        SLOT_MADE("EXISTS (SELECT FROM outbox_relay_checkpoint WHERE phase = 'handover')"
                + " AND EXISTS (SELECT FROM slot WHERE confirmed_flush_lsn IS NOT NULL)"),
        SNAPSHOT_SETTLED("EXISTS (SELECT FROM outbox_relay_checkpoint WHERE phase = 'streaming')"
                + " AND EXISTS (SELECT FROM slot)");

        private final String condition;

        Step(String condition) {
            this.condition = condition;
        }
    }

    @ParameterizedTest
    @EnumSource(Step.class)
    void killedAtEveryStepOfTheWayItLosesNothingAndKeepsTheOrder(Step step) throws Exception {
        try (Deployment deployment = deployment();
                Workload workload = deployment.startWorkload(
                        WorkloadPlan.seeded(step.name().hashCode()).withEventsPerSecond(500))) {
            if (step == Step.POSITION_GIVEN_UP) {
                deployment.configure(QUICK + "source.max-retained-wal = 32m\n");
            }
            RelayProcess relay = startStreaming(deployment);
            for (int kill = 1; kill <= KILLS_AT_EACH_STEP; kill++) {
                Deployment.awaitMore(workload, 200);
                leaveAndKill(deployment, step, relay);
                relay = deployment.launchRelay();
                awaitStreaming(deployment);
            }
            Verdict verdict = deployment.judge(workload);
            log.info("Killed {} times at {}: {}", KILLS_AT_EACH_STEP, step, verdict);
            verdict.requireCorrect();
        }
    }

    @Test
    void aDroppedSlotUnderFullLoadCostsDuplicatesAndNothingElse() throws Exception {
        try (Deployment deployment = deployment();
                Workload workload = deployment.startWorkload(WorkloadPlan.seeded(40))) {
            RelayProcess relay = startStreaming(deployment);
            int polling = lines(relay, POLLING);
            int streaming = lines(relay, STREAMING);
            List<Long> counted = new ArrayList<>();
            for (int drop = 1; drop <= 3; drop++) {
                Deployment.awaitMore(workload, 3000);
                counted.add(deployment.duplicates());
                deployment.dropSlot();
                long dropped = System.nanoTime();
                relay.awaitLines(POLLING, polling + drop, Deployment.PATIENCE);
                log.info("Polling {} ms after the slot was dropped", (System.nanoTime() - dropped) / 1_000_000);
                relay.awaitLines(STREAMING, streaming + drop, Deployment.PATIENCE);
            }
            Verdict verdict = deployment.judge(workload);
            counted.add((long) verdict.duplicates());
            log.info(
                    "Three slots dropped under full load: {}; duplicates of each switch, there and back: {}. What was in"
                            + " flight when the slot was dropped, or delivered and not yet deleted, comes again from the"
                            + " table; what was polled after the new slot was made comes again by the log",
                    verdict,
                    IntStream.range(1, counted.size())
                            .mapToObj(drop -> counted.get(drop) - counted.get(drop - 1))
                            .toList());
            verdict.requireCorrect();
            assertThat(relay.isAlive()).isTrue();
        }
    }

    /** The server makes a slot only when every transaction that was writing has ended; rows must not wait for that. */
    @Test
    void pollingGoesOnWhileAnOlderTransactionKeepsTheSlotFromBeingMade() throws Exception {
        try (Deployment deployment = deployment()) {
            RelayProcess relay = startStreaming(deployment);
            int polling = lines(relay, POLLING);
            int streaming = lines(relay, STREAMING);
            deployment.insert("k", "by the log");
            deployment.read(1);
            try (Connection old = deployment.database().connect();
                    Statement statement = old.createStatement()) {
                old.setAutoCommit(false);
                statement.execute(
                        "INSERT INTO outbox (aggregate_type, aggregate_id, type) VALUES ('order', 'old', 'placed')");
                deployment.dropSlot();
                relay.awaitLines(POLLING, polling + 1, Deployment.PATIENCE);
                awaitCondition(
                        deployment,
                        "the slot to be waited for",
                        "EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'walsender'"
                                + " AND datname = current_database() AND wait_event_type = 'Lock')");
                for (int i = 0; i < 20; i++) {
                    deployment.insert("k" + i, "by the table");
                }
                assertThat(deployment.read(21)).hasSize(21);
                old.commit();
            }
            relay.awaitLines(STREAMING, streaming + 1, Deployment.PATIENCE);
            deployment.insert("k", "by the log again");

            assertThat(deployment.read(23)).extracting(record -> record.key()).contains("old");
        }
    }

    @Test
    void rowsThatAreThereBeforeTheFirstStartArePublishedInOrder() throws Exception {
        try (Deployment deployment = deployment()) {
            deployment
                    .database()
                    .execute("INSERT INTO outbox (aggregate_type, aggregate_id, type) SELECT 'order', 'k' || n % 10, n"
                            + " FROM generate_series(1, 30000) n");
            RelayProcess relay = deployment.launchRelay();
            relay.awaitLine("STREAMING", Deployment.PATIENCE);
            deployment.insert("k", "by the log");

            Map<String, List<String>> types = deployment.read(30_001).stream()
                    .collect(Collectors.groupingBy(
                            StoredRecord::key,
                            Collectors.mapping(record -> record.headers().get("type"), Collectors.toList())));
            assertThat(types.remove("k")).containsExactly("placed");
            assertThat(types).hasSize(10);
            types.forEach((key, numbers) -> assertThat(numbers)
                    .as(key)
                    .containsExactlyElementsOf(IntStream.rangeClosed(1, 30_000)
                            .filter(n -> key.equals("k" + n % 10))
                            .mapToObj(Integer::toString)
                            .toList()));
        }
    }

    private static Deployment deployment() throws Exception {
        Deployment deployment = Deployment.create(postgres, KafkaServer.shared());
        deployment.configure(QUICK);
        return deployment;
    }

    /**
     * Makes the relay leave the log for its size, while the slot cannot be dropped: the process that reads it for the relay
     * hangs.
     *
     * @return that process, to be let go on
     */
    private static int leaveBehindTheSlot(Deployment deployment) throws SQLException {
        int reader = Integer.parseInt(deployment.query("SELECT active_pid FROM pg_replication_slots WHERE slot_name = '"
                + deployment.database().address().name() + "'"));
        postgres.signal("STOP", reader);
        try {
            deployment.writeLog(48);
        } catch (SQLException | RuntimeException e) {
            postgres.signal("CONT", reader);
            throw e;
        }
        return reader;
    }

    private static void leaveAndKill(Deployment deployment, Step step, RelayProcess relay) throws Exception {
        if (step != Step.POSITION_GIVEN_UP) {
            deployment.dropSlot();
            awaitAny(deployment, step);
            relay.kill();
            return;
        }
        int reader = leaveBehindTheSlot(deployment);
        try {
            awaitAny(deployment, step);
            relay.kill();
        } finally {
            postgres.signal("CONT", reader);
        }
    }

    private static void awaitAny(Deployment deployment, Step step) {
        awaitCondition(deployment, "the relay to come to " + step, step.condition);
    }

    private static void awaitStreaming(Deployment deployment) {
        awaitCondition(
                deployment,
                "the relay to stream again",
                "EXISTS (SELECT FROM outbox_relay_checkpoint WHERE phase = 'streaming')"
                        + " AND EXISTS (SELECT FROM slot WHERE active)");
    }

    /** A start that the server delays goes by way of the table. */
    private static RelayProcess startStreaming(Deployment deployment) throws InterruptedException {
        RelayProcess relay = deployment.startRelay();
        relay.awaitLine(STREAMING, Deployment.PATIENCE);
        return relay;
    }

    private static int lines(RelayProcess relay, String text) {
        return (int) relay.output().stream().filter(line -> line.contains(text)).count();
    }

    /** Asks on one connection, to see what lasts for some milliseconds only. */
    private static void awaitCondition(Deployment deployment, String reason, String condition) {
        String sql = "WITH slot AS (SELECT * FROM pg_replication_slots WHERE slot_name = '"
                + deployment.database().address().name() + "') SELECT " + condition;
        try (Connection connection = deployment.database().connect();
                PreparedStatement statement = connection.prepareStatement(sql)) {
            Awaitility.await(reason)
                    .atMost(Deployment.PATIENCE)
                    .pollInterval(Duration.ofMillis(1))
                    .pollInSameThread()
                    .until(() -> {
                        try (ResultSet row = statement.executeQuery()) {
                            return row.next() && row.getBoolean(1);
                        }
                    });
        } catch (SQLException e) {
            throw new IllegalStateException(e);
        }
    }
}
