package io.outboxrelay.schema;

import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * The columns of an outbox table, under the names that the database knows.
 *
 * @param id the event's id, unique for ever; consumers filter duplicates by it
 * @param aggregateType what kind of thing the event is about
 * @param aggregateId which one: the ordering key
 * @param type what happened
 * @param payload the message's bytes: {@code jsonb}, {@code json}, {@code text} or {@code bytea}
 * @param headers a JSON object of further headers, where the table has such a column
 * @param createdAt when the row was written, where the table has such a column
 * @param seq the column that polling orders by, where the table has one
 */
public record OutboxColumns(
        String id,
        String aggregateType,
        String aggregateId,
        String type,
        String payload,
        Optional<String> headers,
        Optional<String> createdAt,
        Optional<String> seq) {

    /** The columns that {@code outbox-schema} creates. */
    public static final OutboxColumns DEFAULT = new OutboxColumns(
            "id",
            "aggregate_type",
            "aggregate_id",
            "type",
            "payload",
            Optional.of("headers"),
            Optional.of("created_at"),
            Optional.of("seq"));

    /**
     * The columns of a table made for Debezium's outbox event router.
     *
     * @see <a href="https://debezium.io/documentation/reference/stable/transformations/outbox-event-router.html">Outbox
     *     event router, basic outbox table</a>
     */
    public static final OutboxColumns DEBEZIUM = new OutboxColumns(
            "id",
            "aggregatetype",
            "aggregateid",
            "type",
            "payload",
            Optional.empty(),
            Optional.empty(),
            Optional.empty());

    /** @throws IllegalArgumentException if a name is not a usable identifier */
    public OutboxColumns {
        Identifier.requireValid(id);
        Identifier.requireValid(aggregateType);
        Identifier.requireValid(aggregateId);
        Identifier.requireValid(type);
        Identifier.requireValid(payload);
        Objects.requireNonNull(headers).ifPresent(Identifier::requireValid);
        Objects.requireNonNull(createdAt).ifPresent(Identifier::requireValid);
        Objects.requireNonNull(seq).ifPresent(Identifier::requireValid);
    }

    /** The columns that make an event, without which none is whole: all but the time and the order of insertion. */
    public List<String> ofEvent() {
        return Stream.concat(Stream.of(id, aggregateType, aggregateId, type, payload), headers.stream())
                .toList();
    }
}
