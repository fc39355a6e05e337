package io.outboxrelay.testkit;

import java.sql.Connection;
import java.sql.Statement;

import io.outboxrelay.api.OutboxSource;
import io.outboxrelay.api.PositionLostException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import static org.assertj.core.api.Assertions.assertThat;

/** What a source that reads Postgres' log does beyond the {@link SourceContract}. Its slot is {@link OutboxFixture#slot}. */
public abstract class LogSourceContract extends SourceContract {

    /** For subclasses. */
    protected LogSourceContract() {}

    @Test
    void anUpdateIsNeverHandedOverAndTheStreamGoesOn() throws Exception {
        OutboxFixture outbox = outbox();
        outbox.execute("ALTER PUBLICATION outbox_relay SET (publish = 'insert, update');"
                + "ALTER TABLE outbox REPLICA IDENTITY FULL");
        // What is settled is gone, and cannot be updated.
        RecordingHandler handler = RecordingHandler.holdingBack();
        start(outbox, handler);
        outbox.insert("a", 1);
        awaitEvents(handler, 1);

        outbox.execute("UPDATE outbox SET type = 'changed'");
        outbox.execute("UPDATE outbox SET seq = seq + 1000, type = 'changed with its key'");
        outbox.execute("UPDATE outbox SET id = gen_random_uuid(), aggregate_type = 'changed too'");
        outbox.insert("b", 1);

        awaitEvents(handler, 2);
        assertThat(types(handler)).containsExactly("a-1", "b-1");
    }

    @Test
    void aTerminatedWalsenderEndsTheRunAndTheNextOneGoesOn() throws Exception {
        OutboxFixture outbox = outbox();
        RecordingHandler first = RecordingHandler.settlingAtOnce();
        RunningSource run = start(outbox, first);
        outbox.insert("a", 10);
        awaitEvents(first, 10);

        outbox.execute("SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = '"
                + outbox.slot() + "'");

        assertThat(run.awaitFailure(LIMIT)).isNotInstanceOf(PositionLostException.class);
        outbox.insert("b", 10);
        RecordingHandler second = RecordingHandler.settlingAtOnce();
        start(outbox, second);
        await("the rows written meanwhile").until(() -> types(second).contains("b-10"));
        assertThat(types(second)).endsWith("b-1", "b-2", "b-3", "b-4", "b-5", "b-6", "b-7", "b-8", "b-9", "b-10");
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aRestartedServerEndsTheRunAndTheNextOneGoesOn(boolean killed) throws Exception {
        PostgresServer server = use(PostgresServer.start());
        OutboxFixture outbox = OutboxFixture.create(server.createDatabase());
        RecordingHandler first = RecordingHandler.holdingBack();
        RunningSource run = start(outbox, first);
        outbox.insert("a", 10);
        awaitEvents(first, 10);

        if (killed) {
            server.kill();
        } else {
            server.stop();
        }

        assertThat(run.awaitFailure(LIMIT)).isNotInstanceOf(PositionLostException.class);
        server.restart();
        outbox.insert("b", 10);
        RecordingHandler second = RecordingHandler.settlingAtOnce();
        RunningSource next = start(outbox, second);
        awaitEvents(second, 20);
        assertThat(types(second).subList(0, 10)).isEqualTo(types(first));
        next.close();
    }

    @Test
    void aDroppedSlotIsAGapAndIsNotMadeAnew() throws Exception {
        OutboxFixture outbox = outbox();
        runAndStop(outbox);

        outbox.execute("SELECT pg_drop_replication_slot('" + outbox.slot() + "')");
        outbox.insert("lost", 1);

        assertThat(failure(outbox)).isInstanceOf(PositionLostException.class).hasMessageContaining(outbox.slot());
        assertThat(outbox.query("SELECT count(*) FROM pg_replication_slots WHERE slot_name = '" + outbox.slot() + "'"))
                .isEqualTo("0");
    }

    @Test
    void aSlotThatWasMadeAnewIsAGap() throws Exception {
        OutboxFixture outbox = outbox();
        runAndStop(outbox);

        outbox.execute("SELECT pg_drop_replication_slot('" + outbox.slot() + "')");
        outbox.insert("lost", 1);
        outbox.execute("SELECT pg_create_logical_replication_slot('" + outbox.slot() + "', 'pgoutput')");

        assertThat(failure(outbox)).isInstanceOf(PositionLostException.class);
    }

    @Test
    void aSlotThatSomebodyElseAdvancedIsAGap() throws Exception {
        OutboxFixture outbox = outbox();
        runAndStop(outbox);

        outbox.insert("lost", 1);
        outbox.execute("SELECT pg_replication_slot_advance('" + outbox.slot() + "', pg_current_wal_lsn())");

        assertThat(failure(outbox)).isInstanceOf(PositionLostException.class);
    }

    @Test
    void aSlotThatWasDroppedWhileItWasReadIsAGapForTheNextRun() throws Exception {
        OutboxFixture outbox = outbox();
        RecordingHandler handler = RecordingHandler.settlingAtOnce();
        RunningSource run = start(outbox, handler);
        outbox.insert("a", 1);
        awaitEvents(handler, 1);
        await("the checkpoint to move")
                .until(() -> outbox.query("SELECT settled_lsn > '0/0' FROM outbox_relay_checkpoint")
                        .equals("t"));

        outbox.execute("SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = '"
                + outbox.slot() + "'");
        awaitFreeSlot(outbox);
        outbox.execute("SELECT pg_drop_replication_slot('" + outbox.slot() + "')");

        run.awaitFailure(LIMIT);
        assertThat(failure(outbox)).isInstanceOf(PositionLostException.class);
    }

    @Test
    void aSlotThatIsDroppedBeforeTheStreamIsOpenIsAGapHoweverOldATransactionIs() throws Exception {
        OutboxFixture outbox = outbox();
        runAndStop(outbox);
        OutboxSource late = use(open(outbox));
        late.prepare();
        outbox.execute("SELECT pg_drop_replication_slot('" + outbox.slot() + "')");
        try (Connection old = outbox.database().connect();
                Statement statement = old.createStatement()) {
            old.setAutoCommit(false);
            statement.execute(insert("old", "old"));

            RunningSource run = RunningSource.start(late, handler(RecordingHandler.settlingAtOnce()));

            run.awaitFailure(LIMIT);
            run.close();
            await("no slot to be there that waits for the old transaction")
                    .until(() -> outbox.query("SELECT count(*) FROM pg_replication_slots WHERE slot_name = '"
                                    + outbox.slot() + "'")
                            .equals("0"));
            assertThat(failure(outbox)).isInstanceOf(PositionLostException.class);
        }
    }

    @Test
    void anIdlePositionFollowsWhatIsWrittenElsewhere() throws Exception {
        OutboxFixture outbox = outbox();
        TestDatabase elsewhere = use(PostgresServer.shared().createDatabase());
        RecordingHandler handler = RecordingHandler.settlingAtOnce();
        start(outbox, handler);

        elsewhere.execute("CREATE TABLE noise AS SELECT md5(n::text) FROM generate_series(1, 100000) n");
        String written = outbox.query("SELECT pg_current_wal_lsn()");

        await("the slot to pass what was written elsewhere")
                .until(() -> outbox.query("SELECT confirmed_flush_lsn >= '" + written
                                + "' FROM pg_replication_slots WHERE slot_name = '" + outbox.slot() + "'")
                        .equals("t"));
        elsewhere.execute("CHECKPOINT");
        await("the server to need none of it any more")
                .until(() -> outbox.query("SELECT restart_lsn >= '" + written
                                + "' FROM pg_replication_slots WHERE slot_name = '" + outbox.slot() + "'")
                        .equals("t"));
        assertThat(handler.count()).isZero();
    }

    @Test
    void theSlotNeverPassesTheCheckpoint() throws Exception {
        OutboxFixture outbox = outbox();
        RecordingHandler handler = RecordingHandler.settlingAtOnce();
        start(outbox, handler);
        for (int i = 0; i < 300; i++) {
            outbox.insert("a", 1);
            // The slot first: what was settled then is settled now.
            String confirmed = outbox.query(
                    "SELECT confirmed_flush_lsn FROM pg_replication_slots WHERE slot_name = '" + outbox.slot() + "'");
            assertThat(outbox.query("SELECT settled_lsn >= '" + confirmed + "' FROM outbox_relay_checkpoint"))
                    .isEqualTo("t");
        }
    }

    @Test
    void aSlotThatIsThereAlreadyIsAdopted() throws Exception {
        OutboxFixture outbox = outbox();
        outbox.execute("SELECT pg_create_logical_replication_slot('" + outbox.slot() + "', 'pgoutput')");
        outbox.insert("a", 2);

        RecordingHandler handler = RecordingHandler.settlingAtOnce();
        start(outbox, handler);

        awaitEvents(handler, 2);
    }

    private void runAndStop(OutboxFixture outbox) throws InterruptedException {
        RunningSource run = start(outbox, RecordingHandler.settlingAtOnce());
        assertThat(run.stop(LIMIT)).isTrue();
        run.awaitReturn(LIMIT);
        run.close();
        awaitFreeSlot(outbox);
    }

    private Throwable failure(OutboxFixture outbox) throws InterruptedException {
        return use(RunningSource.start(open(outbox), handler(RecordingHandler.settlingAtOnce())))
                .awaitFailure(LIMIT);
    }
}
