package io.outboxrelay.postgres;

import io.outboxrelay.api.OutboxEvent;

/**
 * What a row is found again by in the table.
 *
 * @param value its {@code seq} as {@link Long}, or its id as {@link String} where the configured table has no such column;
 *     null: nothing can find it again
 * @param transaction the number (32 bits) of the transaction that wrote it, where the log told of the row; {@link #SEEN} where
 *     a statement has seen it
 */
public record RowKey(Object value, long transaction) {

    /** Of a row that a statement has seen: then every later one sees it. */
    public static final long SEEN = 0;

    /** Of an event that was read from the table. */
    public static RowKey seen(OutboxEvent event) {
        return new RowKey(SeqPosition.of(event), SEEN);
    }
}
