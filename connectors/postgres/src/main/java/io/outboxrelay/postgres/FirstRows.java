package io.outboxrelay.postgres;

import java.sql.SQLException;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.atomic.AtomicInteger;

import io.outboxrelay.api.OutboxEvent;

/**
 * The rows that a new slot's snapshot sees in the table: they are handed over before the first row of the log, which
 * follows without waiting until they are settled. Used by the thread that reads; any thread may ask.
 */
public final class FirstRows {

    private final Optional<Snapshot> snapshot;
    private final int maxRows;
    private final long maxBytes;
    private final AtomicInteger unsettled = new AtomicInteger();

    private volatile boolean complete;

    /** @param snapshot empty if the log has everything */
    public FirstRows(Optional<Snapshot> snapshot, int maxRows, long maxBytes) {
        this.snapshot = snapshot;
        this.maxRows = maxRows;
        this.maxBytes = maxBytes;
        this.complete = snapshot.isEmpty();
    }

    /** The next rows; empty once there are no more. Then the snapshot is at its end. */
    public List<OutboxEvent> next() throws SQLException {
        if (complete) {
            return List.of();
        }
        List<OutboxEvent> page = snapshot.orElseThrow().next(maxRows, maxBytes);
        if (page.isEmpty()) {
            snapshot.get().close();
            complete = true;
        }
        return page;
    }

    /** A page was handed over. */
    public void add(CompletionStage<Void> settled) {
        unsettled.incrementAndGet();
        settled.thenRun(unsettled::decrementAndGet);
    }

    /** Whether all of them were handed over. */
    public boolean isComplete() {
        return complete;
    }

    /** Whether all of them are settled. */
    public boolean isSettled() {
        return complete && unsettled.get() == 0;
    }
}
