package io.outboxrelay.api;

import java.time.Instant;

/**
 * One committed row of the outbox, as the database has it: nothing is parsed, defaulted or repaired on the way. What a
 * row lacks is {@code null} here, and delivery decides what becomes of it.
 *
 * <p>The payload array belongs to the event; nobody changes it.
 *
 * @param id the event's id, or null
 * @param aggregateType the kind of aggregate, or null
 * @param aggregateId the aggregate: the ordering key, or null
 * @param type what happened, or null
 * @param payload the payload's bytes: of {@code bytea} untouched, of any other type the UTF-8 of the text that Postgres
 *     prints; or null
 * @param headers the text of the row's headers, a JSON object if the writer kept to the rules, or null
 * @param occurredAt when the transaction committed where the source can tell, else when the row was created
 * @param position where the event stands in its source
 */
@SuppressWarnings("ArrayRecordComponent") // Events are passed along, never compared.
public record OutboxEvent(
        String id,
        String aggregateType,
        String aggregateId,
        String type,
        byte[] payload,
        String headers,
        Instant occurredAt,
        Position position) {

    /** What the event costs in memory, roughly, in bytes: what limits on bytes in flight count. */
    public long size() {
        return 200L
                + length(id)
                + length(aggregateType)
                + length(aggregateId)
                + length(type)
                + length(headers)
                + (payload == null ? 0 : payload.length);
    }

    /** What operators call the event: its id, or its position where it has none. */
    public String name() {
        return id == null ? position.toString() : id;
    }

    /** Names the event for a log: ids and position, never its content. */
    @Override
    public String toString() {
        return "event " + id + " (" + aggregateType + "/" + aggregateId + ", " + type + ", at " + position + ")";
    }

    private static int length(String text) {
        return text == null ? 0 : text.length();
    }
}
