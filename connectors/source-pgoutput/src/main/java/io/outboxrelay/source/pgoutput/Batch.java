package io.outboxrelay.source.pgoutput;

import java.util.ArrayList;
import java.util.List;

import io.outboxrelay.api.OutboxEvent;
import io.outboxrelay.postgres.RowKey;

/**
 * Rows that were read and are not handed over yet.
 *
 * @param keys of each event, in their order; of none where no row is found again
 */
record Batch(List<OutboxEvent> events, List<RowKey> keys) {

    /** An empty one, with room for so many rows before it must grow. */
    static Batch withRoom(int rows) {
        return new Batch(new ArrayList<>(rows), new ArrayList<>(rows));
    }

    boolean isEmpty() {
        return events.isEmpty();
    }
}
