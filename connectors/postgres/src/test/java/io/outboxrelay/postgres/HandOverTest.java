package io.outboxrelay.postgres;

import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

import io.outboxrelay.api.AfterDelivery;
import io.outboxrelay.api.AfterDelivery.Action;
import io.outboxrelay.api.Finding;
import io.outboxrelay.api.OutboxDatabase;
import io.outboxrelay.api.OutboxEvent;
import io.outboxrelay.api.PositionLostException;
import io.outboxrelay.api.SourceBusyException;
import io.outboxrelay.postgres.Checkpoint.Phase;
import io.outboxrelay.schema.OutboxColumns;
import io.outboxrelay.schema.OutboxTable;
import io.outboxrelay.testkit.OutboxFixture;
import io.outboxrelay.testkit.PostgresServer;
import io.outboxrelay.testkit.SlotReader;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

class HandOverTest {

    private static final Duration LIMIT = Duration.ofSeconds(60);

    private OutboxFixture outbox;

    @BeforeEach
    void create() throws SQLException {
        outbox = OutboxFixture.create(PostgresServer.shared().createDatabase());
    }

    @AfterEach
    void drop() throws SQLException {
        outbox.close();
    }

    @Test
    void whatIsCommittedBeforeTheSlotIsInTheSnapshotAndWhatComesLaterIsNot() throws Exception {
        outbox.insert("before", 3);

        try (LogStart start = position().prepare().orElseThrow()) {
            outbox.insert("after", 3);

            assertThat(all(start)).containsExactly("before-1", "before-2", "before-3");
            assertThat(stored().orElseThrow().phase()).isEqualTo(Phase.HANDOVER);
            assertThat(stored()).contains(start.checkpoint());
            assertThat(confirmed()).isEqualTo(start.checkpoint().settled().toString());
        }
    }

    @Test
    void theSnapshotComesInPages() throws Exception {
        outbox.insert("a", 25);

        try (LogStart start = position().prepare().orElseThrow()) {
            Snapshot snapshot = start.snapshot().orElseThrow();
            assertThat(snapshot.next(10, 1_000_000)).hasSize(10);
            assertThat(snapshot.next(10, 1_000_000)).hasSize(10);
            assertThat(snapshot.next(10, 1_000_000)).hasSize(5);
            assertThat(snapshot.next(10, 1_000_000)).isEmpty();
        }
    }

    /** A poller reads on while the slot is made; it has sent what has left the table. */
    @Test
    void whatLeftTheTableMeanwhileIsNotRead() throws Exception {
        outbox.insert("a", 6);

        try (LogStart start = position().prepare().orElseThrow()) {
            outbox.execute("DELETE FROM outbox WHERE seq IN (1, 2, 3, 5)");

            assertThat(start.snapshot().orElseThrow().next(2, 1_000_000))
                    .extracting(OutboxEvent::type)
                    .containsExactly("a-4");
            assertThat(all(start)).containsExactly("a-6");
        }
    }

    @Test
    void whatIsMarkedIsNotRead() throws Exception {
        outbox.execute("ALTER TABLE outbox ADD delivered_at timestamptz");
        outbox.insert("a", 4);
        outbox.execute("UPDATE outbox SET delivered_at = now() WHERE seq = 1");

        try (LogStart start = position(outbox.outbox(AfterDelivery.of(Action.MARK)), settings())
                .prepare()
                .orElseThrow()) {
            outbox.execute("UPDATE outbox SET delivered_at = now() WHERE seq = 3");

            assertThat(all(start)).containsExactly("a-2", "a-4");
        }
    }

    @Test
    void whereTheTableIsNoQueueWhatLeftItIsReadAllTheSame() throws Exception {
        outbox.insert("a", 2);

        try (LogStart start = position(outbox.outbox(AfterDelivery.of(Action.KEEP)), settings())
                .prepare()
                .orElseThrow()) {
            outbox.execute("DELETE FROM outbox WHERE seq = 1");

            assertThat(all(start)).containsExactly("a-1", "a-2");
        }
    }

    /** Where a relay can be killed: what it leaves behind. */
    enum Left {
        ONLY_THE_PHASE,
        THE_PHASE_AND_THE_OLD_SLOT,
        THE_PHASE_AND_A_NEW_SLOT,
        A_SNAPSHOT_HALF_SENT
    }

    @ParameterizedTest
    @EnumSource
    void whoeverFindsAHandOverBeginsAgain(Left left) throws Exception {
        outbox.insert("old", 2);
        begin();
        switch (left) {
            case ONLY_THE_PHASE -> {
                phase("handover");
                outbox.execute("SELECT pg_drop_replication_slot('" + outbox.slot() + "')");
            }
            case THE_PHASE_AND_THE_OLD_SLOT -> phase("handover");
            case THE_PHASE_AND_A_NEW_SLOT -> {
                position().abandon();
                position().prepare().orElseThrow().close();
            }
            case A_SNAPSHOT_HALF_SENT -> {
                position().abandon();
                try (LogStart start = position().prepare().orElseThrow()) {
                    start.snapshot().orElseThrow().next(1, 1000);
                }
                outbox.execute("DELETE FROM outbox WHERE type = 'old-1'");
            }
        }
        outbox.insert("committed meanwhile", 1);

        try (LogStart start = position().prepare().orElseThrow()) {
            List<String> expected = new ArrayList<>(List.of("old-1", "old-2", "committed meanwhile-1"));
            if (left == Left.A_SNAPSHOT_HALF_SENT) {
                expected.remove(0);
            }
            assertThat(all(start)).isEqualTo(expected);
            assertThat(stored()).contains(start.checkpoint());
            assertThat(confirmed()).isEqualTo(start.checkpoint().settled().toString());
        }
        assertThat(slots()).isEqualTo("1");
    }

    @Test
    void aHandOverThatHasEndedIsNotBegunAgain() throws Exception {
        outbox.insert("old", 1);
        Checkpoint first = begin();

        assertThat(position().prepare()).contains(new LogStart(first, Optional.empty()));
    }

    @Test
    void theRowOfAnotherServerSystemIsOverwritten() throws Exception {
        begin();
        outbox.execute("UPDATE outbox_relay_checkpoint SET phase = 'handover',"
                + " system_identifier = system_identifier + 1, settled_lsn = 'FF/0'");

        try (LogStart start = position().prepare().orElseThrow()) {
            assertThat(stored()).contains(start.checkpoint());
        }
    }

    @Test
    void aSlotThatSomebodyReadsIsNotDropped() throws Exception {
        begin();
        phase("handover");
        try (SlotReader reader = SlotReader.open(outbox)) {
            assertThatExceptionOfType(SourceBusyException.class)
                    .isThrownBy(() -> position().prepare())
                    .withMessageContaining("backend " + reader.pid());
        }
    }

    @Test
    void theServerWaitsForOlderWritersAndTheirRowsAreInTheSnapshot() throws Exception {
        CompletableFuture<Optional<LogStart>> preparing;
        try (Connection service = outbox.database().connect();
                Statement statement = service.createStatement()) {
            service.setAutoCommit(false);
            statement.execute("INSERT INTO outbox (type) VALUES ('open while the slot is made')");
            preparing = inBackground(position());
            awaitWaiting();
            try (Connection connection = outbox.database().connect()) {
                assertThat(position().check(connection)).returns(Finding.Level.OK, Finding::level);
            }
            service.commit();
        }

        try (LogStart start = preparing.get(LIMIT.toSeconds(), TimeUnit.SECONDS).orElseThrow()) {
            assertThat(all(start)).containsExactly("open while the slot is made");
        }
    }

    @Test
    void theWaitForOlderWritersCanBeGivenUp() throws Exception {
        LogPosition position = position();
        try (Connection service = outbox.database().connect();
                Statement statement = service.createStatement()) {
            service.setAutoCommit(false);
            statement.execute("INSERT INTO outbox (type) VALUES ('open')");
            CompletableFuture<Optional<LogStart>> preparing = inBackground(position);
            awaitWaiting();

            position.cancel();

            assertThat(preparing.get(LIMIT.toSeconds(), TimeUnit.SECONDS)).isEmpty();
            assertThat(slots()).isEqualTo("0");
            assertThat(position.prepare()).isEmpty();
            service.rollback();
        }
        try (LogStart start = position().prepare().orElseThrow()) {
            assertThat(start.snapshot()).isEmpty();
        }
    }

    /** As where its host has died without a word. */
    @Test
    void theWaitForOlderWritersEndsThoughTheServerDoesNotAnswer() throws Exception {
        LogPosition position = position();
        try (Connection service = outbox.database().connect();
                Statement statement = service.createStatement()) {
            service.setAutoCommit(false);
            statement.execute("INSERT INTO outbox (type) VALUES ('open')");
            CompletableFuture<Optional<LogStart>> preparing = inBackground(position);
            awaitWaiting();
            int walsender = Integer.parseInt(outbox.query("SELECT pid FROM pg_stat_activity WHERE backend_type ="
                    + " 'walsender' AND datname = current_database()"));
            PostgresServer.shared().signal("STOP", walsender);
            try {
                CompletableFuture.runAsync(() -> cancel(position)).get(30, TimeUnit.SECONDS);

                assertThat(preparing.get(LIMIT.toSeconds(), TimeUnit.SECONDS)).isEmpty();
            } finally {
                PostgresServer.shared().signal("CONT", walsender);
            }
            service.rollback();
        }
        Awaitility.await("the server to have noticed")
                .atMost(LIMIT)
                .until(() -> outbox.query("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'walsender'"
                                + " AND datname = current_database()")
                        .equals("0"));
    }

    @Test
    void whatWasPreparedInVainIsDropped() throws Exception {
        LogPosition position = position();

        position.discard(position.prepare().orElseThrow());

        assertThat(slots()).isEqualTo("0");
        assertThat(stored().orElseThrow().phase()).isEqualTo(Phase.HANDOVER);
    }

    @Test
    void aTableWithoutAnOrderCanOnlyBeHandedOverEmpty() throws Exception {
        OutboxTable table = new OutboxTable("public", "outboxevent", OutboxColumns.DEBEZIUM);
        outbox.execute("CREATE TABLE outboxevent (id uuid DEFAULT gen_random_uuid(), aggregatetype text,"
                + " aggregateid text, type text, payload jsonb); INSERT INTO outboxevent (type) VALUES ('old')");
        OutboxDatabase database = outbox.outbox();
        LogPosition position = position(
                new OutboxDatabase(database.address(), table, database.afterDelivery(), database.dataSource()),
                settings());

        assertThatExceptionOfType(SQLException.class)
                .isThrownBy(position::prepare)
                .withMessageContaining("outbox.columns.seq")
                .withMessageContaining("ALTER TABLE \"public\".\"outboxevent\" ADD COLUMN seq");
        try (Connection connection = outbox.database().connect()) {
            assertThat(position.check(connection))
                    .returns(Finding.Level.ERROR, Finding::level)
                    .returns("position", Finding::subject);
        }
        assertThat(slots()).isEqualTo("0");

        outbox.execute("DELETE FROM outboxevent");
        try (LogStart start = position.prepare().orElseThrow()) {
            assertThat(start.snapshot()).isEmpty();
            outbox.execute("INSERT INTO outboxevent (type) VALUES ('before the relay was killed')");
            assertThat(position.prepare()).contains(start);
        }
    }

    @Test
    void whereTheSnapshotSeesNothingTheSlotIsTheWholeTruthAtOnce() throws Exception {
        try (LogStart start = position().prepare().orElseThrow()) {
            assertThat(start.snapshot()).isEmpty();
            assertThat(stored().orElseThrow().phase()).isEqualTo(Phase.STREAMING);
            outbox.insert("before the relay was killed", 1);

            assertThat(position().prepare()).contains(start);
            assertThat(confirmed()).isEqualTo(start.checkpoint().settled().toString());
        }
    }

    @Test
    void aSlotThatWasPreparedInVainStaysWhereItAloneTellsWhatCameSince() throws Exception {
        OutboxDatabase kept = outbox.outbox(AfterDelivery.of(Action.KEEP));
        LogPosition position = position(kept, settings());
        LogStart start = position.prepare().orElseThrow();

        position.discard(start);

        assertThat(position(kept, settings()).prepare()).contains(start);
    }

    @Test
    void aStartThatGoesOnIsDiscardedWithoutATrace() throws Exception {
        position().prepare().orElseThrow().close();
        LogPosition next = position();
        LogStart start = next.prepare().orElseThrow();

        next.discard(start);

        assertThat(stored()).contains(start.checkpoint());
        assertThat(slots()).isEqualTo("1");
    }

    @Test
    void olderRowsAreSkippedIfConfigured() throws Exception {
        outbox.insert("old", 1);

        try (LogStart start = position(
                        outbox.outbox(AfterDelivery.of(Action.KEEP)),
                        new LogSettings(outbox.slot(), true, false, ExistingRows.SKIP))
                .prepare()
                .orElseThrow()) {
            assertThat(start.snapshot()).isEmpty();
            assertThat(stored().orElseThrow().phase()).isEqualTo(Phase.STREAMING);
        }
    }

    @Test
    void rowsThatCameAfterAPositionWasGivenUpAreNotRefused() throws Exception {
        begin();
        position().abandon();
        outbox.insert("a", 1);

        try (LogStart start = position(
                        outbox.outbox(), new LogSettings(outbox.slot(), true, false, ExistingRows.REFUSE))
                .prepare()
                .orElseThrow()) {
            assertThat(all(start)).containsExactly("a-1");
        }
    }

    @Test
    void aSlotForStandbysIsMadeFromPostgres17On() throws Exception {
        LogPosition position =
                position(outbox.outbox(), new LogSettings(outbox.slot(), true, true, ExistingRows.PUBLISH));
        if (PostgresServer.shared().version() < 17) {
            assertThatExceptionOfType(SQLException.class)
                    .isThrownBy(position::prepare)
                    .withMessageContaining("failover = true");
            return;
        }

        position.prepare().orElseThrow().close();

        assertThat(outbox.query("SELECT failover FROM pg_replication_slots WHERE slot_name = '" + outbox.slot() + "'"))
                .isEqualTo("t");
    }

    @Test
    void anAbandonedPositionLeavesThePhaseAndNoSlot() throws Exception {
        begin();

        assertThat(position().abandon()).isEmpty();
        assertThat(position().abandon()).isEmpty();

        assertThat(stored().orElseThrow().phase()).isEqualTo(Phase.HANDOVER);
        assertThat(slots()).isEqualTo("0");
    }

    @Test
    void aSlotThatWasReadUnderAnotherNameIsDroppedWhenThePositionIsGivenUp() throws Exception {
        begin();
        LogPosition renamed = renamed();
        assertThatExceptionOfType(PositionLostException.class).isThrownBy(renamed::prepare);

        assertThat(renamed.abandon()).isEmpty();

        assertThat(slots()).isEqualTo("0");
    }

    @Test
    void aSlotThatWasReadUnderAnotherNameIsDroppedWhenAHandOverBegins() throws Exception {
        begin();
        phase("handover");
        LogPosition renamed = renamed();

        LogStart start = renamed.prepare().orElseThrow();

        assertThat(slots()).isEqualTo("0");
        renamed.discard(start);
    }

    @Test
    void aSlotThatWasReadUnderAnotherNameIsLeftToWhoeverHasMovedIt() throws Exception {
        begin();
        outbox.insert("a", 1);
        outbox.execute("SELECT pg_replication_slot_advance('" + outbox.slot() + "', pg_current_wal_lsn())");

        List<Finding> left = renamed().abandon();

        assertThat(left).extracting(Finding::subject).containsExactly("slot " + outbox.slot());
        assertThat(left.get(0).remedy()).isEqualTo("SELECT pg_drop_replication_slot('" + outbox.slot() + "');");
        assertThat(slots()).isEqualTo("1");
    }

    @Test
    void aSlotThatAnotherOutboxIsReadFromIsNotDroppedUnderItsFormerName() throws Exception {
        begin();
        outbox.execute(
                "INSERT INTO outbox_relay_checkpoint (outbox, slot, system_identifier, timeline, settled_lsn, phase)"
                        + " SELECT 'public.other', slot, system_identifier, timeline, settled_lsn, phase"
                        + " FROM outbox_relay_checkpoint");

        assertThat(renamed().abandon()).isEmpty();

        assertThat(slots()).isEqualTo("1");
    }

    @Test
    void aPositionThatNeverWasIsAbandonedToo() throws Exception {
        outbox.execute("SELECT pg_create_logical_replication_slot('" + outbox.slot() + "', 'pgoutput')");

        assertThat(position().abandon()).isEmpty();

        assertThat(stored().orElseThrow().phase()).isEqualTo(Phase.HANDOVER);
        assertThat(slots()).isEqualTo("0");
    }

    @Test
    void withoutTheRelaysTablesTheSlotIsStillDropped() throws Exception {
        outbox.execute("SELECT pg_create_logical_replication_slot('" + outbox.slot() + "', 'pgoutput');"
                + "DROP TABLE outbox_relay_checkpoint");

        assertThat(position().abandon()).isEmpty();

        assertThat(slots()).isEqualTo("0");
    }

    @Test
    void aSlotThatSomebodyReadsIsLeftBehindWithAWarning() throws Exception {
        begin();
        List<Finding> left;
        try (SlotReader reader = SlotReader.open(outbox)) {
            left = position().abandon();

            assertThat(left).hasSize(1);
            assertThat(left.get(0).level()).isEqualTo(Finding.Level.WARNING);
            assertThat(left.get(0).subject()).isEqualTo("slot " + outbox.slot());
            assertThat(left.get(0).text())
                    .contains("is read by backend " + reader.pid())
                    .contains("keeps log");
        }
        assertThat(stored().orElseThrow().phase()).isEqualTo(Phase.HANDOVER);
        outbox.execute(left.get(0).remedy().split(";", -1)[1]);
        assertThat(slots()).isEqualTo("0");
    }

    @Test
    void aSlotThatTheRoleMayNotDropIsLeftBehindWithAWarning() throws Exception {
        begin();
        outbox.execute("CREATE ROLE " + outbox.slot() + " LOGIN PASSWORD 'secret';"
                + "GRANT SELECT, INSERT, UPDATE ON outbox_relay_checkpoint TO " + outbox.slot());
        try {
            OutboxDatabase restricted = restricted();

            List<Finding> left = position(restricted, settings()).abandon();

            assertThat(left).extracting(Finding::level).containsExactly(Finding.Level.WARNING);
            assertThat(left.get(0).remedy()).isEqualTo("SELECT pg_drop_replication_slot('" + outbox.slot() + "');");
            assertThat(stored().orElseThrow().phase()).isEqualTo(Phase.HANDOVER);

            outbox.execute("REVOKE UPDATE ON outbox_relay_checkpoint FROM " + outbox.slot());
            assertThat(position(restricted, settings()).abandon())
                    .extracting(Finding::subject)
                    .containsExactly("position", "slot " + outbox.slot());
        } finally {
            outbox.execute("DROP OWNED BY " + outbox.slot() + "; DROP ROLE " + outbox.slot());
        }
    }

    @Test
    void aSlotOfAnotherKindIsNotTheRelaysToDrop() throws Exception {
        outbox.execute("SELECT pg_create_logical_replication_slot('" + outbox.slot() + "', 'test_decoding')");

        assertThat(position().abandon()).isEmpty();

        assertThat(slots()).isEqualTo("1");
        outbox.execute("SELECT pg_drop_replication_slot('" + outbox.slot() + "')");
    }

    @Test
    void aPositionIsNotGivenUpWhereTheTableIsNoQueue() {
        assertThatExceptionOfType(IllegalStateException.class)
                .isThrownBy(() -> position(outbox.outbox(AfterDelivery.of(Action.KEEP)), settings())
                        .abandon());
    }

    @Test
    void aRoleWithALockTimeoutWaitsAllTheSame() throws Exception {
        outbox.execute("ALTER DATABASE " + outbox.database().address().name() + " SET lock_timeout = '100ms'");
        CompletableFuture<Optional<LogStart>> preparing;
        try (Connection service = outbox.database().connect();
                Statement statement = service.createStatement()) {
            service.setAutoCommit(false);
            statement.execute("INSERT INTO outbox (type) VALUES ('open')");
            preparing = inBackground(position());
            awaitWaiting();
            Awaitility.await("longer than the timeout")
                    .pollDelay(Duration.ofMillis(500))
                    .until(() -> true);
            assertThat(preparing).isNotDone();
            service.commit();
        }
        preparing.get(LIMIT.toSeconds(), TimeUnit.SECONDS).orElseThrow().close();
    }

    /** Begins with what the table holds, and settles it without a word. */
    private Checkpoint begin() throws Exception {
        LogPosition position = position();
        try (LogStart start = position.prepare().orElseThrow()) {
            Checkpoint streaming = start.checkpoint().streaming();
            position.settle(streaming);
            return streaming;
        }
    }

    private OutboxDatabase restricted() {
        OutboxDatabase full = outbox.outbox();
        return new OutboxDatabase(
                outbox.database().address(outbox.slot(), "secret"),
                full.table(),
                full.afterDelivery(),
                outbox.database().dataSource(outbox.slot(), "secret"));
    }

    private static void cancel(LogPosition position) {
        try {
            position.cancel();
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    private LogPosition renamed() {
        return position(outbox.outbox(), new LogSettings(outbox.slot() + "_b", true, false, ExistingRows.PUBLISH));
    }

    private CompletableFuture<Optional<LogStart>> inBackground(LogPosition position) {
        return CompletableFuture.supplyAsync(() -> {
            try {
                return position.prepare();
            } catch (Exception e) {
                throw new IllegalStateException(e);
            }
        });
    }

    private void awaitWaiting() {
        Awaitility.await("the server to wait for the open transaction")
                .atMost(LIMIT)
                .until(() -> outbox.query("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'walsender'"
                                + " AND datname = current_database() AND wait_event_type = 'Lock'")
                        .equals("1"));
    }

    private static List<String> all(LogStart start) throws SQLException {
        List<String> types = new ArrayList<>();
        Snapshot snapshot = start.snapshot().orElseThrow();
        for (List<OutboxEvent> page = snapshot.next(100, 1_000_000);
                !page.isEmpty();
                page = snapshot.next(100, 1_000_000)) {
            page.forEach(event -> types.add(event.type()));
        }
        return types;
    }

    private LogPosition position() {
        return position(outbox.outbox(), settings());
    }

    private static LogPosition position(OutboxDatabase database, LogSettings settings) {
        return new LogPosition(database, settings);
    }

    private LogSettings settings() {
        return new LogSettings(outbox.slot(), true, false, ExistingRows.PUBLISH);
    }

    private void phase(String phase) throws SQLException {
        outbox.execute("UPDATE outbox_relay_checkpoint SET phase = '" + phase + "'");
    }

    private Optional<Checkpoint> stored() throws SQLException {
        try (Connection connection = outbox.database().connect()) {
            return Checkpoint.read(connection, outbox.outbox().table());
        }
    }

    private String confirmed() throws SQLException {
        return outbox.query(
                "SELECT confirmed_flush_lsn FROM pg_replication_slots WHERE slot_name = '" + outbox.slot() + "'");
    }

    private String slots() throws SQLException {
        return outbox.query("SELECT count(*) FROM pg_replication_slots WHERE slot_name = '" + outbox.slot() + "'");
    }
}
