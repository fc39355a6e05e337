package io.outboxrelay.testkit.workload;

import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

import io.outboxrelay.schema.OutboxColumns;
import io.outboxrelay.schema.OutboxTable;
import io.outboxrelay.schema.SchemaScript;
import io.outboxrelay.testkit.PostgresServer;
import io.outboxrelay.testkit.TestDatabase;
import io.outboxrelay.testkit.history.Digest;
import io.outboxrelay.testkit.history.HistoryChecker;
import io.outboxrelay.testkit.history.Received;
import io.outboxrelay.testkit.history.Reference;
import io.outboxrelay.testkit.history.Verdict;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import static org.assertj.core.api.Assertions.assertThat;

/** The truth is held against a second witness: what Postgres itself decodes from its log, in commit order. */
final class WorkloadTest {

    /** How {@code test_decoding} prints an insert into the outbox; a string's quotes are doubled, and here are none. */
    private static final Pattern INSERT = Pattern.compile(
            "table [^:]+: INSERT: .*\\bid\\[uuid]:'([^']+)' .*\\baggregate_id\\[text]:'([^']+)' .*\\bpayload\\[jsonb]:'([^']+)'.*");

    @Test
    void theTruthIsWhatTheLogHolds() throws SQLException {
        try (TestDatabase database = PostgresServer.shared().createDatabase()) {
            createOutbox(database, "jsonb");
            createSlot(database);
            Reference reference = run(database, OutboxTable.DEFAULT, WorkloadPlan.seeded(1), 3_000);

            assertThat(reference.rolledBack()).hasSizeGreaterThan(100);
            verdict(database, reference).requireCorrect();
        }
    }

    @Test
    void rowsOfACopyShareALogPosition() throws SQLException {
        try (TestDatabase database = PostgresServer.shared().createDatabase()) {
            createOutbox(database, "jsonb");
            createSlot(database);
            run(database, OutboxTable.DEFAULT, WorkloadPlan.seeded(2).withWriters(1), 500);

            try (Connection connection = database.connect();
                    Statement statement = connection.createStatement();
                    ResultSet rows = statement.executeQuery(
                            "SELECT max(rows) FROM (SELECT count(*) AS rows FROM pg_logical_slot_peek_changes('"
                                    + slot(database) + "', NULL, NULL) WHERE data LIKE 'table public.outbox: INSERT%'"
                                    + " GROUP BY lsn) AS by_lsn")) {
                rows.next();
                assertThat(rows.getInt(1)).isGreaterThan(10);
            }
        }
    }

    @Test
    void writersGoOnThroughRestartsCrashesAndEndedSessions() throws SQLException {
        try (PostgresServer server = PostgresServer.start()) {
            TestDatabase database = server.createDatabase();
            createOutbox(database, "jsonb");
            createSlot(database);
            Workload workload = Workload.start(database.address(), OutboxTable.DEFAULT, WorkloadPlan.seeded(3));
            awaitMore(workload, 300);
            server.kill();
            server.restart();
            awaitMore(workload, 300);
            server.stop();
            server.restart();
            awaitMore(workload, 300);
            server.terminateBackends("datname = '" + database.address().name() + "'");
            awaitMore(workload, 300);
            workload.stop();

            verdict(database, workload.reference()).requireCorrect();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"jsonb", "json", "text", "bytea"})
    void everyTypeOfPayloadKeepsTheBytesThatTheTruthKnows(String type) throws SQLException {
        try (TestDatabase database = PostgresServer.shared().createDatabase()) {
            createOutbox(database, type);
            Reference reference = run(database, OutboxTable.DEFAULT, WorkloadPlan.seeded(4), 100);

            assertThat(digests(database, type)).isEqualTo(digests(reference));
        }
    }

    @Test
    void aTableOfOtherNamesIsWrittenToo() throws SQLException {
        OutboxTable table = new OutboxTable("Order Service", "Out\"box", OutboxColumns.DEBEZIUM);
        try (TestDatabase database = PostgresServer.shared().createDatabase()) {
            database.execute("CREATE SCHEMA \"Order Service\"; CREATE TABLE " + table.quoted()
                    + " (id uuid PRIMARY KEY, aggregatetype text, aggregateid text, type text, payload jsonb)");
            Reference reference = run(database, table, WorkloadPlan.seeded(5), 100);

            try (Connection connection = database.connect();
                    Statement statement = connection.createStatement();
                    ResultSet rows = statement.executeQuery("SELECT count(*) FROM " + table.quoted())) {
                rows.next();
                assertThat(rows.getInt(1)).isEqualTo(reference.size());
            }
        }
    }

    @Test
    void theRateIsKept() throws SQLException {
        try (TestDatabase database = PostgresServer.shared().createDatabase()) {
            createOutbox(database, "jsonb");
            long start = System.nanoTime();
            run(database, OutboxTable.DEFAULT, WorkloadPlan.seeded(6).withEventsPerSecond(200), 300);

            // Rolled-back events count for the rate, so this takes a little longer; a burst of each writer is free.
            assertThat(Duration.ofNanos(System.nanoTime() - start)).isGreaterThan(Duration.ofSeconds(1));
        }
    }

    private static Reference run(TestDatabase database, OutboxTable table, WorkloadPlan plan, int events)
            throws SQLException {
        try (Workload workload = Workload.start(database.address(), table, plan)) {
            awaitMore(workload, events);
            workload.stop();
            return workload.reference();
        }
    }

    private static void awaitMore(Workload workload, int events) {
        int enough = workload.committed() + events;
        Awaitility.await("writers to commit " + events + " more events")
                .atMost(Duration.ofSeconds(60))
                .until(() -> workload.committed() >= enough);
    }

    private static void createOutbox(TestDatabase database, String payloadType) throws SQLException {
        database.execute(SchemaScript.TABLE.sql());
        if (!payloadType.equals("jsonb")) {
            database.execute("ALTER TABLE outbox ALTER payload TYPE " + payloadType + " USING NULL");
        }
    }

    private static void createSlot(TestDatabase database) throws SQLException {
        database.execute("SELECT pg_create_logical_replication_slot('" + slot(database) + "', 'test_decoding')");
    }

    private static String slot(TestDatabase database) {
        return "slot_" + database.address().name();
    }

    private static Verdict verdict(TestDatabase database, Reference reference) throws SQLException {
        List<Received> decoded = new ArrayList<>();
        try (Connection connection = database.connect();
                Statement statement = connection.createStatement();
                ResultSet rows = statement.executeQuery("SELECT data FROM pg_logical_slot_get_changes('"
                        + slot(database) + "', NULL, NULL) WHERE data LIKE 'table public.outbox: INSERT%'")) {
            while (rows.next()) {
                Matcher insert = INSERT.matcher(rows.getString(1));
                assertThat(insert.matches()).as(rows.getString(1)).isTrue();
                decoded.add(new Received(
                        "log", 0, decoded.size(), insert.group(2), insert.group(1), Digest.of(insert.group(3))));
            }
        }
        Verdict verdict = HistoryChecker.check(reference, decoded);
        assertThat(verdict.duplicates()).isZero();
        return verdict;
    }

    private static Map<String, String> digests(Reference reference) {
        return reference.committed().values().stream()
                .flatMap(List::stream)
                .collect(Collectors.toMap(written -> written.eventId(), written -> written.digest()));
    }

    private static Map<String, String> digests(TestDatabase database, String type) throws SQLException {
        String bytes = type.equals("bytea") ? "payload" : "convert_to(payload::text, 'UTF8')";
        try (Connection connection = database.connect();
                Statement statement = connection.createStatement();
                ResultSet rows = statement.executeQuery("SELECT id::text, " + bytes + " FROM outbox")) {
            Map<String, String> digests = new HashMap<>();
            while (rows.next()) {
                digests.put(rows.getString(1), Digest.of(rows.getBytes(2)));
            }
            return digests;
        }
    }
}
