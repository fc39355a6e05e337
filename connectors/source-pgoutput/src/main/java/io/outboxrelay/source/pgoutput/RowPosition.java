package io.outboxrelay.source.pgoutput;

import io.outboxrelay.api.Position;
import io.outboxrelay.postgres.Lsn;

/**
 * Where a row stands in the log.
 *
 * @param commit where the row's transaction committed: transactions come in the order of their commits
 * @param index how many rows of the transaction came before it
 */
record RowPosition(long commit, int index) implements Position {

    /** A row that was read from the table, before the log, comes first. */
    @Override
    public int compareTo(Position other) {
        if (other instanceof RowPosition that) {
            int order = Long.compareUnsigned(commit, that.commit);
            return order != 0 ? order : Integer.compare(index, that.index);
        }
        return 1;
    }

    @Override
    public String toString() {
        return new Lsn(commit) + "#" + index;
    }
}
