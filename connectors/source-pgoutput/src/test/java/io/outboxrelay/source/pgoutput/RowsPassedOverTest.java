package io.outboxrelay.source.pgoutput;

import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

import io.outboxrelay.api.AfterDelivery;
import io.outboxrelay.api.AfterDelivery.Action;
import io.outboxrelay.api.Code;
import io.outboxrelay.api.OutboxEvent;
import io.outboxrelay.api.PositionLostException;
import io.outboxrelay.api.SourceFactory;
import io.outboxrelay.testkit.OutboxFixture;
import io.outboxrelay.testkit.PostgresServer;
import io.outboxrelay.testkit.RecordingHandler;
import io.outboxrelay.testkit.RunningSource;
import org.awaitility.Awaitility;
import org.awaitility.core.ConditionFactory;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

/**
 * What was written while the publication did not exist: since Postgres 18 the server passes it over, with no more than a
 * warning. Older servers end the stream.
 */
class RowsPassedOverTest {

    private static final Duration LIMIT = Duration.ofSeconds(60);
    private static final String CREATE = "CREATE PUBLICATION outbox_relay FOR TABLE outbox WITH (publish = 'insert')";

    private final List<AutoCloseable> opened = new ArrayList<>();
    private OutboxFixture outbox;
    private SourceFactory factory;

    @BeforeEach
    void createOutbox() throws SQLException {
        outbox = use(OutboxFixture.create(PostgresServer.shared().createDatabase()));
        factory = Sources.factory(outbox, Map.of("status-interval", "100ms"));
        assumeTrue(outbox.query("SELECT current_setting('server_version_num')::int >= 180000")
                .equals("t"));
    }

    @AfterEach
    void closeAll() throws Exception {
        for (int i = opened.size() - 1; i >= 0; i--) {
            opened.get(i).close();
        }
    }

    @Test
    void theRunEndsBeforeAnythingBehindThemIsRelayedOrConfirmedAndTheTableHealsIt() throws Exception {
        outbox.execute("SELECT pg_create_logical_replication_slot('" + outbox.slot() + "', 'pgoutput')");
        outbox.execute("DROP PUBLICATION outbox_relay");
        String before = outbox.query("SELECT pg_current_wal_lsn()");
        outbox.insert("passed over", 2);
        outbox.execute(CREATE);
        outbox.insert("behind", 1);

        RecordingHandler first = RecordingHandler.settlingAtOnce();
        assertPassedOver(run(AfterDelivery.DELETE, first).awaitFailure(LIMIT));
        awaitFreeSlot();
        RecordingHandler again = RecordingHandler.settlingAtOnce();
        assertPassedOver(run(AfterDelivery.DELETE, again).awaitFailure(LIMIT));

        assertThat(first.count() + again.count()).isZero();
        assertThat(outbox.query("SELECT confirmed_flush_lsn <= '" + before + "' FROM pg_replication_slots"
                        + " WHERE slot_name = '" + outbox.slot() + "'"))
                .isEqualTo("t");
        awaitFreeSlot();
        factory.abandon(outbox.outbox());
        RecordingHandler healed = RecordingHandler.settlingAtOnce();
        run(AfterDelivery.DELETE, healed);
        await("all rows").until(() -> healed.count() == 3);
        assertThat(healed.events())
                .extracting(OutboxEvent::type)
                .containsExactly("passed over-1", "passed over-2", "behind-1");
    }

    @Test
    void aPublicationThatGoesWhileItIsReadEndsTheRun() throws Exception {
        RecordingHandler handler = RecordingHandler.settlingAtOnce();
        RunningSource run = run(AfterDelivery.DELETE, handler);
        await("the source to stream").until(handler::isStreaming);
        outbox.insert("published", 1);
        await("the row").until(() -> handler.count() == 1);

        outbox.execute("DROP PUBLICATION outbox_relay");
        outbox.insert("passed over", 1);
        outbox.execute(CREATE);
        outbox.insert("behind", 1);

        assertPassedOver(run.awaitFailure(LIMIT));
        assertThat(handler.count()).isEqualTo(1);
    }

    @Test
    void aServerThatIsToldToKeepItsWarningsToItselfTellsThemHere() throws Exception {
        outbox.execute("SELECT pg_create_logical_replication_slot('" + outbox.slot() + "', 'pgoutput')");
        outbox.execute("DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET client_min_messages = error',"
                + " current_database()); END $$");
        outbox.execute("ALTER PUBLICATION outbox_relay RENAME TO other");
        outbox.insert("passed over", 1);
        outbox.execute("ALTER PUBLICATION other RENAME TO outbox_relay");

        assertPassedOver(
                run(AfterDelivery.DELETE, RecordingHandler.settlingAtOnce()).awaitFailure(LIMIT));
    }

    @Test
    void whereTheTableDoesNotTellWhatIsUnsentTheRemedyMakesTheSlotAnew() throws Exception {
        outbox.execute("SELECT pg_create_logical_replication_slot('" + outbox.slot() + "', 'pgoutput')");
        outbox.execute("DROP PUBLICATION outbox_relay");
        outbox.insert("passed over", 1);
        outbox.execute(CREATE);

        Throwable failure = run(AfterDelivery.of(Action.KEEP), RecordingHandler.settlingAtOnce())
                .awaitFailure(LIMIT);

        assertPassedOver(failure);
        assertThat(((PositionLostException) failure).remedy())
                .startsWith("start afresh: SELECT pg_drop_replication_slot('" + outbox.slot() + "'); DELETE FROM ");
    }

    private static void assertPassedOver(Throwable failure) {
        assertThat(failure)
                .isInstanceOf(PositionLostException.class)
                .hasMessageContaining("while the publication outbox_relay did not exist");
        assertThat(((PositionLostException) failure).code()).isEqualTo(Code.ROWS_PASSED_OVER);
    }

    /** The server needs a moment to see that a reader has left. */
    private void awaitFreeSlot() {
        await("the slot to be free")
                .until(() -> outbox.query("SELECT active_pid IS NULL FROM pg_replication_slots WHERE slot_name = '"
                                + outbox.slot() + "'")
                        .equals("t"));
    }

    private RunningSource run(AfterDelivery after, RecordingHandler handler) {
        return use(RunningSource.start(factory.open(outbox.outbox(after)), handler));
    }

    private <T extends AutoCloseable> T use(T resource) {
        opened.add(resource);
        return resource;
    }

    private static ConditionFactory await(String reason) {
        return Awaitility.await(reason).atMost(LIMIT).pollInterval(Duration.ofMillis(20));
    }
}
