package io.outboxrelay.testkit;

import java.sql.SQLException;
import java.util.Map;

import io.outboxrelay.api.AfterDelivery;
import io.outboxrelay.api.OutboxSource;
import io.outboxrelay.api.SourceFactory;

/** What the suites for readers of the log share. The slot is {@link OutboxFixture#slot}. */
abstract class LogSourceSuite extends SourceSuite {

    /**
     * A factory for the fixture's outbox, with its slot name and publication; short intervals help.
     *
     * @param settings of those that every reader of the log has: {@code existing-rows}, {@code failover},
     *     {@code audit-after}, {@code progress-timeout}
     */
    protected abstract SourceFactory factory(OutboxFixture fixture, Map<String, Object> settings);

    @Override
    protected final OutboxSource open(OutboxFixture fixture) {
        return open(fixture, AfterDelivery.DELETE);
    }

    /** Opens a source that does that with delivered rows. */
    protected final OutboxSource open(OutboxFixture fixture, AfterDelivery after) {
        return factory(fixture, Map.of()).open(fixture.outbox(after));
    }

    /** Starts a run and waits until it streams. */
    protected final RunningSource start(OutboxFixture outbox, AfterDelivery after, RecordingHandler handler)
            throws InterruptedException {
        return start(() -> open(outbox, after), handler);
    }

    /** What the checkpoint says of the phase; null if there is no checkpoint. */
    protected static String phase(OutboxFixture outbox) throws SQLException {
        return outbox.query("SELECT phase FROM outbox_relay_checkpoint");
    }

    /** A field of the slot, or null if there is no slot. */
    protected static String slot(OutboxFixture outbox, String column) throws SQLException {
        return outbox.query(
                "SELECT " + column + " FROM pg_replication_slots WHERE slot_name = '" + outbox.slot() + "'");
    }

    /** The types of the rows in the table, in the order of {@code seq}. */
    protected static String left(OutboxFixture outbox) throws SQLException {
        return outbox.query("SELECT coalesce(string_agg(type, ',' ORDER BY seq), '') FROM outbox");
    }
}
