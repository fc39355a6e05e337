package io.outboxrelay.relay.process;

import java.io.IOException;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

import io.outboxrelay.schema.OutboxTable;
import io.outboxrelay.schema.SchemaScript;
import io.outboxrelay.testkit.KafkaServer;
import io.outboxrelay.testkit.PostgresServer;
import io.outboxrelay.testkit.RelayProcess;
import io.outboxrelay.testkit.TestDatabase;
import io.outboxrelay.testkit.history.Verdict;
import io.outboxrelay.testkit.workload.Workload;
import io.outboxrelay.testkit.workload.WorkloadPlan;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

/** The primary dies, and its standby is promoted under the same address: writers and relay go on there by themselves. */
class FailoverIT {

    private static final Logger log = LoggerFactory.getLogger(FailoverIT.class);

    private final List<AutoCloseable> opened = new ArrayList<>();

    private PostgresServer primary;
    private PostgresServer standby;
    private MovingAddress address;
    private TestDatabase database;

    @BeforeEach
    void start() throws IOException, SQLException {
        assumeThat(System.getProperty("test.servers", "embedded")).isEqualTo("embedded");
        primary = use(PostgresServer.start());
        standby = use(primary.startStandby());
        database = primary.createDatabase();
        // What a writer has committed is then on the standby: none of it can be lost but by the relay.
        execute(primary, "ALTER SYSTEM SET synchronous_standby_names = 'walreceiver'");
        execute(primary, "SELECT pg_reload_conf()");
        address = use(new MovingAddress(primary.address().port()));
        database = database.behind(address.port());
    }

    @AfterEach
    void closeAll() throws Exception {
        for (int i = opened.size() - 1; i >= 0; i--) {
            opened.get(i).close();
        }
    }

    @Test
    void withoutAFailoverSlotTheTableHealsTheGap() throws Exception {
        Deployment deployment = deployment("");
        RelayProcess relay = deployment.startRelay();
        relay.awaitLine("STREAMING", Deployment.PATIENCE);
        try (Workload workload = workload(41)) {
            Deployment.awaitMore(workload, 500);
            // Only a failover slot waits for the standby: another may tell of a commit that dies with the primary.
            primary.signal("STOP", logWalsender());
            Deployment.awaitMore(workload, 200);
            long died = failOver();
            relay.awaitLine("POLLING", Deployment.PATIENCE);
            Duration polling = since(died);
            relay.awaitLines("STREAMING", 2, Deployment.PATIENCE);
            Duration streaming = since(died);
            Deployment.awaitMore(workload, 500);

            Verdict verdict = deployment.judge(workload);
            log.info(
                    "Failover without a failover slot: polling after {} ms, streaming after {} ms, {} duplicates; {}",
                    polling.toMillis(),
                    streaming.toMillis(),
                    verdict.duplicates(),
                    verdict);
            verdict.requireCorrect();
            assertThat(relay.isAlive()).isTrue();
        }
    }

    @Test
    void withAFailoverSlotTheLogGoesOn() throws Exception {
        assumeThat(primary.version()).isGreaterThanOrEqualTo(17);
        Deployment deployment = deployment("source { debezium.failover = true, pgoutput.failover = true }\n");
        RelayProcess relay = deployment.startRelay();
        relay.awaitLine("STREAMING", Deployment.PATIENCE);
        try (Workload workload = workload(42)) {
            awaitCopiedSlot();
            Deployment.awaitMore(workload, 500);
            long died = failOver();
            relay.awaitLines("STREAMING", 2, Deployment.PATIENCE);
            Duration streaming = since(died);
            Deployment.awaitMore(workload, 500);

            Verdict verdict = deployment.judge(workload);
            log.info(
                    "Failover with a failover slot: streaming after {} ms, {} duplicates; {}",
                    streaming.toMillis(),
                    verdict.duplicates(),
                    verdict);
            verdict.requireCorrect();
            assertThat(relay.output()).as("the log goes on").noneMatch(line -> line.contains("POLLING"));
        }
    }

    private Deployment deployment(String moreConfig) throws IOException, SQLException {
        return use(Deployment.create(
                database, KafkaServer.shared(), SchemaScript.TABLE.sql() + SchemaScript.RELAY.sql(), moreConfig));
    }

    private Workload workload(int seed) throws SQLException {
        return Workload.start(
                database.address(),
                OutboxTable.DEFAULT,
                WorkloadPlan.seeded(seed).withEventsPerSecond(500));
    }

    /** Returns when the primary died. */
    private long failOver() throws SQLException {
        primary.kill();
        long died = System.nanoTime();
        standby.promote();
        address.moveTo(standby.address().port());
        log.info(
                "The standby took over {} ms after the primary had died",
                since(died).toMillis());
        return died;
    }

    private int logWalsender() throws SQLException {
        return Integer.parseInt(query(primary, "SELECT active_pid FROM pg_replication_slots WHERE plugin IS NOT NULL"));
    }

    /** The server copies a slot once the standby is far enough for it, which something must be written for. */
    private void awaitCopiedSlot() {
        Awaitility.await("the standby to have the slot")
                .atMost(Deployment.PATIENCE)
                .until(() -> {
                    execute(primary, "SELECT pg_log_standby_snapshot()");
                    return "1"
                            .equals(query(
                                    standby,
                                    "SELECT count(*) FROM pg_replication_slots WHERE synced AND NOT temporary"));
                });
    }

    private void execute(PostgresServer server, String sql) throws SQLException {
        try (Connection connection = server.databaseOf(database).connectElsewhere();
                Statement statement = connection.createStatement()) {
            statement.execute(sql);
        }
    }

    private String query(PostgresServer server, String sql) throws SQLException {
        try (Connection connection = server.databaseOf(database).connectElsewhere();
                Statement statement = connection.createStatement();
                ResultSet row = statement.executeQuery(sql)) {
            return row.next() ? row.getString(1) : null;
        }
    }

    private static Duration since(long nanos) {
        return Duration.ofNanos(System.nanoTime() - nanos);
    }

    private <T extends AutoCloseable> T use(T resource) {
        opened.add(resource);
        return resource;
    }
}
