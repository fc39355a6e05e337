package io.outboxrelay.postgres;

import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Map;
import java.util.Optional;

import io.outboxrelay.api.Finding;
import io.outboxrelay.api.PositionLostException;
import io.outboxrelay.testkit.OutboxFixture;
import io.outboxrelay.testkit.PostgresServer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

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
        Checkpoint first = position().prepare().orElseThrow();

        assertThat(first.slot()).isEqualTo(outbox.slot());
        assertThat(first.settled()).hasToString(confirmed());
        assertThat(stored()).contains(first);
        assertThat(position().prepare()).contains(first);
    }

    @Test
    void theCheckpointKnowsServerAndTimeline() throws Exception {
        Checkpoint first = position().prepare().orElseThrow();

        assertThat(first.server().systemIdentifier())
                .isEqualTo(Long.parseLong(outbox.query("SELECT system_identifier FROM pg_control_system()")));
        assertThat(first.server().timeline())
                .isEqualTo(Integer.parseInt(outbox.query("SELECT timeline_id FROM pg_control_checkpoint()")));
    }

    @Test
    void aCheckpointIsWrittenWhateverTheRolesSynchronousCommit() throws Exception {
        LogPosition position = position();
        Checkpoint first = position.prepare().orElseThrow();
        Checkpoint next = first.at(new Lsn(first.settled().value() + 8));

        position.settle(next);

        assertThat(stored()).contains(next);
    }

    @Test
    void aCheckpointNeverGoesBack() throws Exception {
        LogPosition position = position();
        Checkpoint first = position.prepare().orElseThrow();
        Checkpoint next = first.at(new Lsn(first.settled().value() + 8));
        position.settle(next);

        position.settle(first);

        assertThat(stored()).contains(next);
    }

    @Test
    void theSlotIsAdvancedToTheCheckpointAndNeverBack() throws Exception {
        LogPosition position = position();
        Checkpoint first = position.prepare().orElseThrow();
        outbox.insert("a", 1);
        Checkpoint next = first.at(Lsn.parse(outbox.query("SELECT pg_current_wal_insert_lsn()")));

        position.advance(next);
        position.advance(first);

        assertThat(confirmed()).isEqualTo(next.settled().toString());
    }

    @Test
    void anotherSystemIsAGap() throws Exception {
        position().prepare();
        outbox.execute("UPDATE outbox_relay_checkpoint SET system_identifier = system_identifier + 1");

        assertGap("another server system");
    }

    @Test
    void aCheckpointOfAnotherSystemIsNotOverwritten() throws Exception {
        LogPosition position = position();
        Checkpoint first = position.prepare().orElseThrow();
        outbox.execute("UPDATE outbox_relay_checkpoint SET system_identifier = system_identifier + 1");

        assertThatExceptionOfType(SQLException.class)
                .isThrownBy(() -> position.settle(first))
                .withMessageContaining("another server system");
    }

    @Test
    void anOlderTimelineIsAGap() throws Exception {
        position().prepare();
        outbox.execute("UPDATE outbox_relay_checkpoint SET timeline = timeline + 1");

        assertGap("older copy");
    }

    @Test
    void aNewerTimelineIsNone() throws Exception {
        Checkpoint first = position().prepare().orElseThrow();
        outbox.execute("UPDATE outbox_relay_checkpoint SET timeline = timeline - 1");

        assertThat(position().prepare()).contains(first);
    }

    @Test
    void anInterruptedHandOverIsAGap() throws Exception {
        position().prepare();
        outbox.execute("UPDATE outbox_relay_checkpoint SET phase = 'handover'");

        assertGap("hand-over");
    }

    @Test
    void aSlotAheadOfTheCheckpointIsAGapAndTheRemedyMendsIt() throws Exception {
        position().prepare();
        outbox.insert("a", 1);
        outbox.execute("SELECT pg_replication_slot_advance('" + outbox.slot() + "', pg_current_wal_lsn())");

        PositionLostException lost = assertGap("somebody else has moved it");

        assertThat(lost.remedy())
                .contains("DELETE FROM \"public\".outbox_relay_checkpoint WHERE outbox = 'public.outbox'");
        outbox.execute("DELETE FROM \"public\".outbox_relay_checkpoint WHERE outbox = 'public.outbox'");
        assertThat(position().prepare().orElseThrow().settled()).hasToString(confirmed());
    }

    @Test
    void aSlotThatTheServerGaveUpIsAGap() throws Exception {
        PostgresServer server = PostgresServer.start(Map.of("max_slot_wal_keep_size", "1MB"));
        try (server) {
            OutboxFixture small = OutboxFixture.create(server.createDatabase());
            LogPosition position = new LogPosition(small.outbox(), small.slot(), true, ExistingRows.REFUSE);
            position.prepare();
            for (int i = 0; i < 4; i++) {
                small.execute("SELECT pg_switch_wal()");
                small.insert("a", 1);
            }
            small.execute("CHECKPOINT");
            small.execute("CHECKPOINT");

            assertThatExceptionOfType(PositionLostException.class)
                    .isThrownBy(position::prepare)
                    .withMessageContaining("given up")
                    .satisfies(lost -> assertThat(lost.remedy()).contains("pg_drop_replication_slot"));
        }
    }

    @Test
    void aMissingSlotIsNotMadeWithoutLeave() throws Exception {
        LogPosition position = new LogPosition(outbox.outbox(), outbox.slot(), false, ExistingRows.REFUSE);

        assertThatExceptionOfType(SQLException.class)
                .isThrownBy(position::prepare)
                .withMessageContaining("create-slot is false")
                .withMessageContaining("pg_create_logical_replication_slot");
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
    void olderRowsAreRefusedOrSkippedAsConfigured() throws Exception {
        outbox.insert("old", 1);

        assertThatExceptionOfType(PositionLostException.class)
                .isThrownBy(() -> position().prepare())
                .satisfies(lost -> assertThat(lost.remedy()).contains("existing-rows = skip"));
        assertThat(outbox.query("SELECT count(*) FROM pg_replication_slots WHERE slot_name = '" + outbox.slot() + "'"))
                .isEqualTo("0");
        assertThat(stored()).isEmpty();

        assertThat(new LogPosition(outbox.outbox(), outbox.slot(), true, ExistingRows.SKIP).prepare())
                .isPresent();
    }

    @Test
    void aSlotIsMadeOnceOlderTransactionsHaveEnded() throws Exception {
        LogPosition position = position();
        try (Connection connection = outbox.database().connect();
                Statement statement = connection.createStatement()) {
            connection.setAutoCommit(false);
            statement.execute("CREATE TABLE elsewhere (n int)");

            assertThat(position.prepare()).isEmpty();
            assertThat(position.check(statement.getConnection())).returns(Finding.Level.OK, Finding::level);
            connection.rollback();
        }
        assertThat(position.prepare()).isPresent();
    }

    @Test
    void aCheckTellsOfAGapAndChangesNothing() throws Exception {
        try (Connection connection = outbox.database().connect()) {
            assertThat(position().check(connection).text()).contains("is made at the start");
            assertThat(stored()).isEmpty();
            Checkpoint first = position().prepare().orElseThrow();
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

    private LogPosition position() {
        return new LogPosition(outbox.outbox(), outbox.slot(), true, ExistingRows.REFUSE);
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
