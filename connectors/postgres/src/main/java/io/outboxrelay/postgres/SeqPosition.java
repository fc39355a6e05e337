package io.outboxrelay.postgres;

import io.outboxrelay.api.OutboxEvent;
import io.outboxrelay.api.Position;

/**
 * The place of a row that was read from the table.
 *
 * @param seq the row's value of the column that orders the table
 */
public record SeqPosition(long seq) implements Position {

    /** Of an event that was read from the table. */
    public static long of(OutboxEvent event) {
        return ((SeqPosition) event.position()).seq();
    }

    /** What a source of the log reads elsewhere knows by itself how it stands to this. */
    @Override
    public int compareTo(Position other) {
        return other instanceof SeqPosition that ? Long.compare(seq, that.seq) : -Integer.signum(other.compareTo(this));
    }

    /** As operators see it. */
    @Override
    public String toString() {
        return "seq " + seq;
    }
}
