package io.outboxrelay.source.polling;

import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;

import io.outboxrelay.api.EventHandler;
import io.outboxrelay.api.OutboxEvent;
import io.outboxrelay.postgres.Cleanup;
import io.outboxrelay.postgres.RowKey;
import io.outboxrelay.postgres.SeqPosition;

/** The rows that a lane has handed over and that the table still shows as unsent. Safe for use by many threads. */
final class InFlight {

    private final Cleanup cleanup;
    private final Set<Long> rows = new HashSet<>();
    private Throwable failure;

    InFlight(Cleanup cleanup) {
        this.cleanup = cleanup;
    }

    /** Hands a page over. Each of its rows is in flight until it is settled and cleaned. */
    void handOver(List<OutboxEvent> events, EventHandler handler) throws InterruptedException {
        List<Long> keys = events.stream().map(SeqPosition::of).toList();
        synchronized (this) {
            rows.addAll(keys);
        }
        List<RowKey> found = events.stream().map(RowKey::seen).toList();
        cleanup.deliver(handler, events, found, row -> cleaned(keys.get(row))).whenComplete((nothing, failed) -> {
            if (failed != null) {
                fail(failed);
            }
        });
    }

    /** The rows behind one, for whoever reads the table: not to be read again. */
    synchronized List<Long> behind(long seq) {
        List<Long> behind = new ArrayList<>();
        for (Long row : rows) {
            if (row > seq) {
                behind.add(row);
            }
        }
        return behind;
    }

    /** Whether all is settled and cleaned. */
    synchronized boolean isEmpty() {
        return rows.isEmpty();
    }

    /** Waits until not too many settled rows wait to be cleaned; false if there were too many still. */
    boolean awaitCleaned(Duration time) throws InterruptedException, SQLException {
        boolean hasRoom = cleanup.awaitRoom(time);
        requireWell();
        return hasRoom;
    }

    /** Waits until all is settled and cleaned; false if it was not. */
    synchronized boolean awaitEmpty(Duration time) throws InterruptedException, SQLException {
        long deadline = System.nanoTime() + time.toNanos();
        while (!rows.isEmpty() && failure == null) {
            long left = deadline - System.nanoTime();
            if (left <= 0) {
                return false;
            }
            TimeUnit.NANOSECONDS.timedWait(this, left);
        }
        requireWell();
        return true;
    }

    private synchronized void requireWell() throws SQLException {
        if (failure instanceof SQLException sql) {
            throw sql;
        }
        if (failure != null) {
            throw new SQLException("what was handed over could not be settled: " + failure.getMessage(), failure);
        }
    }

    private synchronized void cleaned(Long row) {
        rows.remove(row);
        if (rows.isEmpty()) {
            notifyAll();
        }
    }

    private synchronized void fail(Throwable reason) {
        if (failure == null) {
            failure = reason;
        }
        notifyAll();
    }
}
