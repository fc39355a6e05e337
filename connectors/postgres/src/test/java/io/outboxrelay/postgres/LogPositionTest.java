package io.outboxrelay.postgres;

import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;

import io.outboxrelay.api.AfterDelivery;
import io.outboxrelay.api.AfterDelivery.Action;
import io.outboxrelay.api.CodedSqlException;
import io.outboxrelay.api.Finding;
import io.outboxrelay.api.OutboxEvent;
import io.outboxrelay.api.PositionLostException;
import io.outboxrelay.api.SourceBusyException;
import io.outboxrelay.testkit.OutboxFixture;
import io.outboxrelay.testkit.PostgresServer;
import io.outboxrelay.testkit.SlotReader;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

import static io.outboxrelay.postgres.ExistingRows.REFUSE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

class LogPositionTest {

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
    void theFirstStartMakesSlotAndCheckpointAtTheSamePlace() throws Exception {
        Checkpoint first = begun(position());

        assertThat(first.slot()).isEqualTo(outbox.slot());
        assertThat(first.settled()).hasToString(confirmed());
        assertThat(stored()).contains(first);
        assertThat(position().prepare()).contains(new LogStart(first, Optional.empty()));
    }

    @Test
    void whoeverStillStreamsForAFormerLeaderIsEnded() throws Exception {
        begun(position());
        try (SlotReader former = SlotReader.open(outbox)) {
            position().endFormerReader();

            Awaitility.await("the slot to be free")
                    .atMost(Duration.ofSeconds(30))
                    .until(() -> position().holder().isEmpty());
            assertThat(former.pid()).isPositive();
        }
        position().endFormerReader();
    }

    @Test
    void whoeverStreamsFromASlotThatNoRelayHasReadIsLeftAlone() throws Exception {
        outbox.execute("SELECT pg_create_logical_replication_slot('" + outbox.slot() + "', 'pgoutput')");
        try (SlotReader somebody = SlotReader.open(outbox)) {
            position().endFormerReader();

            assertThatExceptionOfType(SourceBusyException.class)
                    .isThrownBy(() -> position().prepare())
                    .withMessageContaining("backend " + somebody.pid());
        }
    }

    @Test
    void theCheckpointKnowsServerAndTimeline() throws Exception {
        Checkpoint first = begun(position());

        assertThat(first.server().systemIdentifier())
                .isEqualTo(Long.parseLong(outbox.query("SELECT system_identifier FROM pg_control_system()")));
        assertThat(first.server().timeline())
                .isEqualTo(Integer.parseInt(outbox.query("SELECT timeline_id FROM pg_control_checkpoint()")));
    }

    @Test
    void aCheckpointIsWrittenWhateverTheRolesSynchronousCommit() throws Exception {
        LogPosition position = position();
        Checkpoint first = begun(position);
        Checkpoint next = first.at(new Lsn(first.settled().value() + 8));

        position.settle(next);

        assertThat(stored()).contains(next);
    }

    @Test
    void neitherCheckpointNorSlotMovesOnceTheRightToReadHasEnded() throws Exception {
        try (Lease right = Lease.open(outbox.database().address(), Duration.ofMinutes(1))) {
            LogPosition position =
                    new LogPosition(outbox.outbox().under(right.fence()), settings(ExistingRows.PUBLISH));
            Checkpoint first = begun(position);
            Checkpoint next = first.at(new Lsn(first.settled().value() + 8));
            String stands = confirmed();

            right.revoke();

            assertThatExceptionOfType(CodedSqlException.class)
                    .isThrownBy(() -> position.settle(next))
                    .withMessageContaining("has ended");
            assertThatExceptionOfType(CodedSqlException.class).isThrownBy(() -> position.advance(next));
            assertThatExceptionOfType(CodedSqlException.class).isThrownBy(() -> position.verify(first));
            assertThat(stored()).contains(first);
            assertThat(confirmed()).isEqualTo(stands);
        }
    }

    @Test
    void aCheckpointNeverGoesBack() throws Exception {
        LogPosition position = position();
        Checkpoint first = begun(position);
        Checkpoint next = first.at(new Lsn(first.settled().value() + 8));
        position.settle(next);

        position.settle(first);

        assertThat(stored()).contains(next);
    }

    @Test
    void theSlotIsAdvancedToTheCheckpointAndNeverBack() throws Exception {
        LogPosition position = position();
        Checkpoint first = begun(position);
        outbox.insert("a", 1);
        Checkpoint next = first.at(Lsn.parse(outbox.query("SELECT pg_current_wal_insert_lsn()")));

        position.advance(next);
        position.advance(first);

        assertThat(confirmed()).isEqualTo(next.settled().toString());
    }

    @Test
    void anotherSystemIsAGap() throws Exception {
        begun(position());
        outbox.execute("UPDATE outbox_relay_checkpoint SET system_identifier = system_identifier + 1");

        assertGap("another server system");
    }

    @Test
    void aCheckpointOfAnotherSystemIsNotOverwritten() throws Exception {
        LogPosition position = position();
        Checkpoint first = begun(position);
        outbox.execute("UPDATE outbox_relay_checkpoint SET system_identifier = system_identifier + 1");

        assertThatExceptionOfType(SQLException.class)
                .isThrownBy(() -> position.settle(first))
                .withMessageContaining("another server system");
    }

    @Test
    void anOlderTimelineIsAGap() throws Exception {
        begun(position());
        outbox.execute("UPDATE outbox_relay_checkpoint SET timeline = timeline + 1");

        assertGap("older copy");
    }

    @Test
    void aNewerTimelineIsNone() throws Exception {
        Checkpoint first = begun(position());
        outbox.execute("UPDATE outbox_relay_checkpoint SET timeline = timeline - 1");

        assertThat(position().prepare()).contains(new LogStart(first, Optional.empty()));
    }

    @Test
    void aRelayThatWasTakenForDeadDoesNotOverwriteTheHandOverOfAnother() throws Exception {
        LogPosition paused = position();
        Checkpoint first = begun(paused);
        position().abandon();

        assertThatExceptionOfType(SQLException.class)
                .isThrownBy(() -> paused.settle(first.at(new Lsn(first.settled().value() + 8))))
                .withMessageContaining("was changed meanwhile");
        assertThat(stored().orElseThrow().phase()).isEqualTo(Checkpoint.Phase.HANDOVER);
    }

    @Test
    void aSlotAheadOfTheCheckpointIsAGapAndTheRemedyMendsIt() throws Exception {
        begun(position());
        outbox.insert("a", 1);
        outbox.execute("SELECT pg_replication_slot_advance('" + outbox.slot() + "', pg_current_wal_lsn())");

        PositionLostException lost = assertGap("somebody else has moved it");

        assertThat(lost.remedy())
                .contains(
                        "UPDATE \"public\".outbox_relay_checkpoint SET phase = 'handover' WHERE outbox = 'public.outbox';");
        outbox.execute(
                "UPDATE \"public\".outbox_relay_checkpoint SET phase = 'handover' WHERE outbox = 'public.outbox'");
        try (LogStart healed = position().prepare().orElseThrow()) {
            assertThat(healed.snapshot().orElseThrow().next(10, 1000))
                    .extracting(OutboxEvent::type)
                    .containsExactly("a-1");
        }
    }

    @Test
    void whereTheTableIsNoQueueTheRemedyOfAGapStartsAfresh() throws Exception {
        LogPosition position = new LogPosition(outbox.outbox(AfterDelivery.of(Action.KEEP)), settings(REFUSE));
        begun(position);
        outbox.insert("a", 1);
        outbox.execute("SELECT pg_replication_slot_advance('" + outbox.slot() + "', pg_current_wal_lsn())");

        assertThatExceptionOfType(PositionLostException.class)
                .isThrownBy(position::prepare)
                .satisfies(lost -> assertThat(lost.remedy())
                        .contains("DELETE FROM \"public\".outbox_relay_checkpoint WHERE outbox = 'public.outbox';"));
        outbox.execute("DELETE FROM \"public\".outbox_relay_checkpoint WHERE outbox = 'public.outbox'");
        assertThat(position.prepare().orElseThrow().checkpoint().settled()).hasToString(confirmed());
    }

    @Test
    void aSlotThatTheServerGaveUpIsAGap() throws Exception {
        PostgresServer server = PostgresServer.start(Map.of("max_slot_wal_keep_size", "1MB"));
        try (server) {
            OutboxFixture small = OutboxFixture.create(server.createDatabase());
            LogPosition position =
                    new LogPosition(small.outbox(), new LogSettings(small.slot(), true, false, ExistingRows.REFUSE));
            begun(position);
            for (int i = 0; i < 4; i++) {
                small.execute("SELECT pg_switch_wal()");
                small.insert("a", 1);
            }
            small.execute("CHECKPOINT");
            small.execute("CHECKPOINT");

            assertThatExceptionOfType(PositionLostException.class)
                    .isThrownBy(position::prepare)
                    .withMessageContaining("given up")
                    .satisfies(lost -> assertThat(lost.remedy()).contains("SET phase = 'handover'"));
            small.execute("UPDATE outbox_relay_checkpoint SET phase = 'handover'");
            try (LogStart healed = position.prepare().orElseThrow()) {
                assertThat(healed.snapshot().orElseThrow().next(10, 1000)).hasSize(4);
            }
        }
    }

    @Test
    void aMissingSlotIsNotMadeWithoutLeave() throws Exception {
        LogPosition position =
                new LogPosition(outbox.outbox(), new LogSettings(outbox.slot(), false, false, ExistingRows.REFUSE));

        assertThatExceptionOfType(SQLException.class)
                .isThrownBy(position::prepare)
                .withMessageContaining("create-slot is false")
                .withMessageContaining("pg_create_logical_replication_slot");
    }

    @Test
    void aSlotThatSomebodyMadeIsAdoptedWhereTheAuditFindsOlderRows() throws Exception {
        outbox.insert("older", 1);
        makeSlot();
        String stands = confirmed();

        assertThat(position().prepare().orElseThrow().checkpoint().settled()).hasToString(stands);
    }

    @Test
    void aSlotThatSomebodyMadeIsAdoptedWhereThereIsNoAuditAndNoRow() throws Exception {
        makeSlot();
        String stands = confirmed();
        LogPosition position = droppingPartitions(true);

        assertThat(position.exists()).isTrue();
        assertThat(position.prepare().orElseThrow().checkpoint().settled()).hasToString(stands);
    }

    @Test
    void olderRowsThatNoAuditWouldFindAreHandedOverWithANewSlot() throws Exception {
        outbox.insert("older", 2);
        makeSlot();
        LogPosition position = droppingPartitions(true);
        try (Connection connection = outbox.database().connect()) {
            assertThat(position.check(connection).text()).contains("is made at the start");
        }
        assertThat(position.exists()).isFalse();

        try (LogStart start = position.prepare().orElseThrow()) {
            assertThat(start.snapshot().orElseThrow().next(10, 1000))
                    .extracting(OutboxEvent::type)
                    .containsExactly("older-1", "older-2");
            assertThat(confirmed()).isEqualTo(start.checkpoint().settled().toString());
        }
    }

    @Test
    void olderRowsThatNoAuditWouldFindAreAnErrorWhereNoSlotMayBeMade() throws Exception {
        outbox.insert("older", 1);
        makeSlot();
        LogPosition position = droppingPartitions(false);

        assertThatExceptionOfType(SQLException.class)
                .isThrownBy(position::prepare)
                .withMessageContaining("may be older than it")
                .withMessageContaining("create-slot = true");
        try (Connection connection = outbox.database().connect()) {
            assertThat(position.check(connection).level()).isEqualTo(Finding.Level.ERROR);
        }
        assertThat(slots()).isEqualTo("1");
        assertThat(stored()).isEmpty();
    }

    @Test
    void aSlotOfAnotherPluginIsRefused() throws Exception {
        outbox.execute("SELECT pg_create_logical_replication_slot('" + outbox.slot() + "', 'test_decoding')");

        assertThatExceptionOfType(SQLException.class)
                .isThrownBy(() -> position().prepare())
                .withMessageContaining("test_decoding");
    }

    @Test
    void aSlotOfAnotherDatabaseIsRefused() throws Exception {
        try (OutboxFixture other = OutboxFixture.create(PostgresServer.shared().createDatabase())) {
            other.execute("SELECT pg_create_logical_replication_slot('" + outbox.slot() + "', 'pgoutput')");

            assertThatExceptionOfType(SQLException.class)
                    .isThrownBy(() -> position().prepare())
                    .withMessageContaining(other.database().address().name());
            other.execute("SELECT pg_drop_replication_slot('" + outbox.slot() + "')");
        }
    }

    @Test
    void olderRowsAreRefusedIfConfigured() throws Exception {
        outbox.insert("old", 1);

        assertThatExceptionOfType(PositionLostException.class)
                .isThrownBy(() -> new LogPosition(outbox.outbox(), settings(REFUSE)).prepare())
                .satisfies(lost -> assertThat(lost.remedy()).contains("existing-rows = publish"));
        assertThat(slots()).isEqualTo("0");
        assertThat(stored()).isEmpty();
    }

    @Test
    void aCheckTellsOfAGapAndChangesNothing() throws Exception {
        try (Connection connection = outbox.database().connect()) {
            assertThat(position().check(connection).text()).contains("is made at the start");
            assertThat(stored()).isEmpty();
            Checkpoint first = begun(position());
            assertThat(position().check(connection).text()).contains("goes on after " + first.settled());
            outbox.execute("SELECT pg_drop_replication_slot('" + outbox.slot() + "')");

            Finding finding = position().check(connection);

            assertThat(finding.level()).isEqualTo(Finding.Level.ERROR);
            assertThat(finding.text()).contains("is gone");
        }
    }

    private PositionLostException assertGap(String reason) {
        PositionLostException[] lost = new PositionLostException[1];
        assertThatExceptionOfType(PositionLostException.class)
                .isThrownBy(() -> position().prepare())
                .withMessageContaining(reason)
                .withMessageContaining("may never have been relayed")
                .satisfies(thrown -> lost[0] = thrown);
        return lost[0];
    }

    private LogPosition droppingPartitions(boolean createSlot) {
        return new LogPosition(
                outbox.outbox(AfterDelivery.of(Action.DROP_PARTITION)),
                new LogSettings(outbox.slot(), createSlot, false, ExistingRows.PUBLISH));
    }

    private void makeSlot() throws SQLException {
        outbox.execute("SELECT pg_create_logical_replication_slot('" + outbox.slot() + "', 'pgoutput')");
    }

    private LogPosition position() {
        return new LogPosition(outbox.outbox(), settings(ExistingRows.PUBLISH));
    }

    private LogSettings settings(ExistingRows existingRows) {
        return new LogSettings(outbox.slot(), true, false, existingRows);
    }

    /** Begins, and settles what the snapshot sees, which is nothing. */
    private static Checkpoint begun(LogPosition position) throws Exception {
        try (LogStart start = position.prepare().orElseThrow()) {
            Checkpoint streaming = start.checkpoint().streaming();
            position.settle(streaming);
            return streaming;
        }
    }

    private String slots() throws SQLException {
        return outbox.query("SELECT count(*) FROM pg_replication_slots WHERE slot_name = '" + outbox.slot() + "'");
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
}
