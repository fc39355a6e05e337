package io.outboxrelay.source.debezium;

import java.util.Comparator;

import io.outboxrelay.api.Position;
import io.outboxrelay.postgres.Lsn;

/**
 * Where a row stands in the log.
 *
 * @param after where the transaction before the row's own ended, or the reading began: transactions come in the order of
 *     their commits, and a row's own LSN, from the middle of its transaction, does not tell that order
 * @param row the row's own; the rows of one {@code COPY} share it
 * @param index how many rows of the transaction came before it
 */
record RowPosition(long after, long row, int index) implements Position {

    private static final Comparator<RowPosition> ORDER = Comparator.<RowPosition, Lsn>comparing(
                    position -> new Lsn(position.after))
            .thenComparingInt(RowPosition::index);

    /** A row that was read from the table, before the log, comes first. */
    @Override
    public int compareTo(Position other) {
        return other instanceof RowPosition that ? ORDER.compare(this, that) : 1;
    }

    @Override
    public String toString() {
        return new Lsn(row) + "#" + index;
    }
}
