package io.outboxrelay.testkit;

import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Instant;
import java.util.Map;

import io.outboxrelay.api.AfterDelivery;
import io.outboxrelay.api.AfterDelivery.Action;
import io.outboxrelay.api.OutboxSource;
import io.outboxrelay.api.SourceStatus.RetainedLog;
import io.outboxrelay.schema.OutboxColumns;
import io.outboxrelay.schema.OutboxTable;
import io.outboxrelay.schema.SchemaScript;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

/** What a source that reads Postgres' log does with delivered rows, and what it tells of its slot. */
public abstract class AfterDeliveryContract extends LogSourceSuite {

    private static final AfterDelivery MARK = AfterDelivery.of(Action.MARK);

    /** For subclasses. */
    protected AfterDeliveryContract() {}

    @Test
    void deliveredRowsAreDeletedAndNeverBefore() throws Exception {
        OutboxFixture outbox = outbox();
        RecordingHandler handler = RecordingHandler.holdingBack();
        RunningSource run = start(outbox, handler);
        outbox.insert("a", 2);
        awaitEvents(handler, 2);
        outbox.insert("b", 1);
        awaitEvents(handler, 3);
        handler.settle(handler.batches() - 1);
        await("the settled row to go, behind those that are not")
                .until(() -> left(outbox).equals("a-1,a-2"));

        handler.settleAll();

        await("all to go").until(() -> left(outbox).isEmpty());
        await("them to be counted").until(() -> run.status().removed() == 3);
    }

    @Test
    void deliveredRowsAreMarkedAndNeverBefore() throws Exception {
        OutboxFixture outbox = outbox();
        outbox.execute("ALTER TABLE outbox ADD delivered_at timestamptz");
        RecordingHandler handler = RecordingHandler.holdingBack();
        start(outbox, MARK, handler);
        outbox.insert("a", 2);
        awaitEvents(handler, 2);
        outbox.insert("b", 1);
        awaitEvents(handler, 3);
        handler.settle(handler.batches() - 1);
        await("the settled row to be marked, behind those that are not")
                .until(() -> unmarked(outbox).equals("a-1,a-2"));

        handler.settleAll();

        await("all to be marked").until(() -> unmarked(outbox).isEmpty());
        assertThat(left(outbox)).isEqualTo("a-1,a-2,b-1");
    }

    @ParameterizedTest
    @EnumSource(
            value = Action.class,
            names = {"KEEP", "DROP_PARTITION"})
    void deliveredRowsStay(Action action) throws Exception {
        OutboxFixture outbox = outbox();
        RecordingHandler handler = RecordingHandler.settlingAtOnce();
        RunningSource run = start(outbox, AfterDelivery.of(action), handler);
        outbox.insert("a", 2);
        awaitEvents(handler, 2);
        String written = outbox.query("SELECT pg_current_wal_lsn()");

        await("the position to pass them").until(() -> settledAfter(outbox, written));

        assertThat(left(outbox)).isEqualTo("a-1,a-2");
        assertThat(run.stop(LIMIT)).isTrue();
    }

    @Test
    void thePositionWaitsUntilTheRowsAreGone() throws Exception {
        OutboxFixture outbox = outbox();
        RecordingHandler handler = RecordingHandler.holdingBack();
        start(outbox, handler);
        outbox.insert("a", 1);
        awaitEvents(handler, 1);
        String written = outbox.query("SELECT pg_current_wal_lsn()");
        String all;
        try (Connection service = outbox.database().connect();
                Statement statement = service.createStatement()) {
            service.setAutoCommit(false);
            statement.execute("SELECT * FROM outbox FOR UPDATE");
            handler.settleAll();
            await("the delete to wait for the row's lock")
                    .until(() -> outbox.query("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
                                    + " AND datname = current_database()")
                            .equals("1"));
            // Many heartbeats go by while these come and go.
            for (int i = 0; i < 5; i++) {
                int expected = i + 2;
                outbox.insert("b" + i, 1);
                awaitEvents(handler, expected);
                assertThat(settledAfter(outbox, written)).isFalse();
            }
            // Behind the last row: a position behind the first alone says nothing of those that follow it.
            all = outbox.query("SELECT pg_current_wal_lsn()");
            service.rollback();
        }
        await("the position to go on").until(() -> settledAfter(outbox, all));
        assertThat(left(outbox)).isEmpty();
    }

    @Test
    void whatWasDeliveredAndCouldNotBeRemovedComesAgain() throws Exception {
        OutboxFixture outbox = outbox();
        outbox.execute("CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS"
                + " $$ BEGIN RAISE EXCEPTION 'not now'; END $$;"
                + "CREATE TRIGGER refuse BEFORE DELETE ON outbox EXECUTE FUNCTION refuse()");
        RecordingHandler first = RecordingHandler.settlingAtOnce();
        RunningSource run = start(outbox, first);
        outbox.insert("a", 1);

        assertThat(run.awaitFailure(LIMIT))
                .isInstanceOf(SQLException.class)
                .hasMessageContaining("settled rows of public.outbox could not be deleted")
                .hasMessageContaining("not now");

        outbox.execute("DROP TRIGGER refuse ON outbox");
        RecordingHandler second = RecordingHandler.settlingAtOnce();
        start(outbox, second);
        awaitEvents(second, 1);
        await("the row to go").until(() -> left(outbox).isEmpty());
    }

    @Test
    void anApplicationMayDeleteItsRowInTheTransactionThatInsertsIt() throws Exception {
        OutboxFixture outbox = outbox();
        RecordingHandler handler = RecordingHandler.settlingAtOnce();
        RunningSource run = start(outbox, handler);
        for (int i = 1; i <= 3; i++) {
            outbox.execute(insert("a", "a-" + i) + "; DELETE FROM outbox WHERE type = 'a-" + i + "'");
        }

        awaitEvents(handler, 3);
        assertThat(run.stop(LIMIT)).isTrue();
        run.awaitReturn(LIMIT);
        outbox.insert("b", 1);
        RecordingHandler next = RecordingHandler.settlingAtOnce();
        start(outbox, next);
        awaitEvents(next, 1);
        assertThat(types(handler)).containsExactly("a-1", "a-2", "a-3");
        assertThat(types(next)).containsExactly("b-1");
    }

    @ParameterizedTest
    @EnumSource
    void aPartitionedOutboxWorks(Action action) throws Exception {
        TestDatabase database = PostgresServer.shared().createDatabase();
        OutboxFixture outbox = use(OutboxFixture.of(
                database,
                OutboxTable.DEFAULT,
                SchemaScript.PARTITIONED_TABLE.sql() + "; DROP PUBLICATION outbox_relay;"
                        + "ALTER TABLE outbox ADD delivered_at timestamptz"));
        outbox.execute("ALTER PUBLICATION outbox_relay SET (publish_via_partition_root = true)");
        outbox.insert("old", 2);
        RecordingHandler handler = RecordingHandler.settlingAtOnce();
        start(outbox, AfterDelivery.of(action), handler);
        outbox.insert("new", 2);

        awaitEvents(handler, 4);
        assertThat(types(handler)).containsExactly("old-1", "old-2", "new-1", "new-2");
        switch (action) {
            case DELETE -> await("the rows to go").until(() -> left(outbox).isEmpty());
            case MARK ->
                await("the rows to be marked").until(() -> unmarked(outbox).isEmpty());
            case DROP_PARTITION, KEEP -> assertThat(left(outbox)).isEqualTo("old-1,old-2,new-1,new-2");
        }
    }

    @Test
    void withoutASequenceRowsAreRemovedByTheirIds() throws Exception {
        OutboxTable table = new OutboxTable("public", "outboxevent", OutboxColumns.DEBEZIUM);
        OutboxFixture outbox = use(OutboxFixture.of(
                PostgresServer.shared().createDatabase(),
                table,
                "CREATE TABLE outboxevent (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), aggregatetype text,"
                        + " aggregateid text, type text, payload jsonb)"));
        RecordingHandler handler = RecordingHandler.settlingAtOnce();
        start(outbox, handler);
        outbox.execute("INSERT INTO outboxevent (type) VALUES ('a'), ('b')");

        awaitEvents(handler, 2);
        await("the rows to go")
                .until(() -> outbox.query("SELECT count(*) FROM outboxevent").equals("0"));
    }

    @Test
    void marksThatTheLogTellsOfAreNoEvents() throws Exception {
        OutboxFixture outbox = outbox();
        outbox.execute("ALTER TABLE outbox ADD delivered_at timestamptz;"
                + "ALTER PUBLICATION outbox_relay SET (publish = 'insert, update')");
        RecordingHandler handler = RecordingHandler.settlingAtOnce();
        start(outbox, MARK, handler);
        outbox.insert("a", 100);
        awaitEvents(handler, 100);
        await("the marks").until(() -> unmarked(outbox).isEmpty());

        outbox.insert("b", 1);

        awaitEvents(handler, 101);
        assertThat(types(handler)).hasSize(101).endsWith("a-100", "b-1");
    }

    @ParameterizedTest
    @ValueSource(strings = {"DROP TABLE outbox", "SET TABLE outbox WHERE (aggregate_type = 'other')"})
    void whatAnAlteredPublicationHidesIsFoundInTheTableAndPublished(String alteration) throws Exception {
        assumeTrue(
                !alteration.contains("WHERE") || PostgresServer.shared().version() >= 15,
                "row filters came with Postgres 15");
        OutboxFixture outbox = outbox();
        RecordingHandler handler = RecordingHandler.settlingAtOnce();
        OutboxSource source = factory(outbox, Map.of("audit-after", "1s")).open(outbox.outbox());
        // The audit is a lane of its own, which the handler would take for a breach if it were asked.
        RunningSource run = use(RunningSource.start(source, handler));
        await("the source to stream").until(handler::isStreaming);
        outbox.insert("seen", 2);
        awaitEvents(handler, 2);

        outbox.execute("ALTER PUBLICATION outbox_relay " + alteration);
        outbox.insert("missed", 3);

        awaitEvents(handler, 5);
        outbox.execute("ALTER PUBLICATION outbox_relay SET TABLE outbox");
        outbox.insert("seen again", 1);
        await("the row that is seen again").until(() -> types(handler).contains("seen again-1"));
        await("all rows to go").until(() -> left(outbox).isEmpty());
        assertThat(types(handler))
                .containsExactly("seen-1", "seen-2", "missed-1", "missed-2", "missed-3", "seen again-1");
        assertThat(run.status().missed()).isEqualTo(3);
        assertThat(run.stop(LIMIT)).isTrue();
    }

    @Test
    void itTellsWhatTheServerKeepsAndWhenTheSlotMoved() throws Exception {
        OutboxFixture outbox = outbox();
        RecordingHandler handler = RecordingHandler.holdingBack();
        RunningSource run = start(outbox, handler);
        await("the source to have caught up").until(() -> run.status().caughtUp());
        outbox.insert("a", 1);
        awaitEvents(handler, 1);
        Instant before = run.status().log().orElseThrow().movedAt();
        outbox.execute(
                "SELECT pg_logical_emit_message(false, 'test', repeat('x', 1000000))" + " FROM generate_series(1, 20)");

        await("the log to pile up behind the open row")
                .until(() -> run.status().log().orElseThrow().bytes() > 20_000_000);
        RetainedLog retained = run.status().log().orElseThrow();
        assertThat(retained.walStatus()).isEqualTo("reserved");

        handler.settleAll();
        await("the slot to move")
                .until(() -> run.status().log().orElseThrow().movedAt().isAfter(before));
    }

    private static String unmarked(OutboxFixture outbox) throws SQLException {
        return outbox.query(
                "SELECT coalesce(string_agg(type, ',' ORDER BY seq), '') FROM outbox" + " WHERE delivered_at IS NULL");
    }

    private static boolean settledAfter(OutboxFixture outbox, String lsn) throws SQLException {
        return outbox.query("SELECT settled_lsn >= '" + lsn + "' FROM outbox_relay_checkpoint")
                .equals("t");
    }
}
