package io.outboxrelay.source.polling;

import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.Set;

import io.outboxrelay.postgres.OpenWriters;
import io.outboxrelay.schema.OutboxTable;

/**
 * How far a lane need not look back. A transaction that drew its {@code seq} early and commits late brings a row that lies
 * before others that were read already. If a lane read only behind the last row that it saw, the next row of that
 * aggregate would be handed over first. So it reads from the horizon: the highest {@code seq} before which nothing can come
 * any more, because every transaction that could have drawn one has ended. Used by one thread.
 *
 * <p>What lies before the horizon is deleted or in flight, so the longer the way from there, the more the server has to
 * step over, above all where an old snapshot keeps it from forgetting deleted rows.
 */
final class Horizon {

    private static final long LOOK_NANOS = Duration.ofMillis(20).toNanos();

    private final OutboxTable table;

    private long bound = Long.MIN_VALUE;
    private long candidate;
    private Set<String> writers;
    private long looked = System.nanoTime() - LOOK_NANOS;

    Horizon(OutboxTable table) {
        this.table = table;
    }

    /** Nothing comes at or before it any more. */
    long bound() {
        return bound;
    }

    /**
     * Looks who writes, at most every now and then. To be called before a page is read.
     *
     * @param last the highest {@code seq} that was read so far
     */
    void look(Connection connection, long last) throws SQLException {
        boolean isMoving = writers == null ? last > bound : !writers.isEmpty();
        if (!isMoving || System.nanoTime() - looked < LOOK_NANOS) {
            return;
        }
        Set<String> open = OpenWriters.read(connection, table);
        if (writers == null) {
            candidate = last;
            writers = open;
        } else {
            writers = OpenWriters.stillOpen(writers, open);
        }
        looked = System.nanoTime();
    }

    /**
     * Says that all rows behind the horizon were handed over, up to one, as a page showed them that was read after the
     * last {@link #look}.
     */
    void handedOver(long upTo) {
        if (writers != null && writers.isEmpty() && upTo >= candidate) {
            bound = candidate;
            writers = null;
        }
    }
}
