package io.outboxrelay.source.pgoutput;

import java.nio.ByteBuffer;
import java.sql.SQLException;
import java.time.Instant;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

import io.outboxrelay.api.Code;
import io.outboxrelay.api.CodedSqlException;
import io.outboxrelay.api.OutboxEvent;
import io.outboxrelay.api.Position;
import io.outboxrelay.postgres.RowKey;
import io.outboxrelay.schema.OutboxColumns;
import io.outboxrelay.schema.OutboxTable;

/**
 * Where everything is in the rows that follow one description of the outbox. The server sends another description before
 * the first row that differs from the last one. Used by one thread.
 */
final class Relation {

    private static final Column NONE = new Column(-1, ColumnType.TEXT);

    /** A column that is read: its place in the row. */
    private record Column(int index, ColumnType type) {}

    private final Column id;
    private final Column aggregateType;
    private final Column aggregateId;
    private final Column type;
    private final Column payload;
    private final Column headers;
    private final Column key;
    private final boolean isKeyed;

    /** Of the row that was read last, by column: how it was sent, and where it is. */
    private final byte[] formats;

    private final int[] offsets;
    private final int[] lengths;
    private byte[] bytes;

    private Relation(OutboxColumns columns, Optional<String> keyColumn, Map<String, Column> found, int count) {
        this.id = found.get(columns.id());
        this.aggregateType = found.get(columns.aggregateType());
        this.aggregateId = found.get(columns.aggregateId());
        this.type = found.get(columns.type());
        this.payload = found.get(columns.payload());
        // Rows that were written before the column was added have none.
        this.headers = columns.headers().map(found::get).orElse(NONE);
        this.key = keyColumn.map(found::get).orElse(NONE);
        this.isKeyed = columns.seq().isPresent();
        this.formats = new byte[count];
        this.offsets = new int[count];
        this.lengths = new int[count];
    }

    /**
     * Reads a description, from behind its number.
     *
     * @param keyColumn what a row is found again by in the table, if it needs to be
     * @return empty if it is of another table
     * @throws CodedSqlException if the outbox lacks a column that is configured, or has it with a type that cannot be read
     */
    static Optional<Relation> read(
            ByteBuffer message, OutboxTable table, Optional<String> keyColumn, BaseTypes baseTypes)
            throws SQLException {
        String schema = Decoder.string(message);
        String name = Decoder.string(message);
        if (!table.schema().equals(schema) || !table.table().equals(name)) {
            return Optional.empty();
        }
        message.get(); // The replica identity.
        int count = message.getShort();
        Map<String, Integer> types = new HashMap<>();
        Map<String, Integer> places = new HashMap<>();
        for (int column = 0; column < count; column++) {
            message.get(); // Whether it is part of the replica identity.
            String columnName = Decoder.string(message);
            places.put(columnName, column);
            types.put(columnName, message.getInt());
            message.getInt(); // The type's modifier.
        }
        Map<String, Column> found = new HashMap<>();
        for (String needed : Stream.concat(table.columns().ofEvent().stream(), keyColumn.stream())
                .distinct()
                .toList()) {
            if (!places.containsKey(needed)) {
                if (table.columns().headers().filter(needed::equals).isPresent()) {
                    continue;
                }
                throw new CodedSqlException(
                        Code.OUTBOX_COLUMN_MISSING,
                        "the log's rows of " + table + " have no column " + needed
                                + ": the table lacks it, or the publication leaves it out. Remedy: add it, or name the right"
                                + " one in outbox.columns",
                        null);
            }
            found.put(needed, new Column(places.get(needed), type(table, needed, types.get(needed), baseTypes)));
        }
        return Optional.of(new Relation(table.columns(), keyColumn, found, count));
    }

    private static ColumnType type(OutboxTable table, String column, int oid, BaseTypes baseTypes) throws SQLException {
        Optional<ColumnType> builtIn = ColumnType.of(oid);
        if (builtIn.isPresent()) {
            return builtIn.get();
        }
        Optional<String> base = baseTypes.name(oid);
        return base.flatMap(ColumnType::named)
                .orElseThrow(() -> new CodedSqlException(
                        Code.OUTBOX_COLUMN_TYPE,
                        "the column " + column + " of " + table + " is of the type "
                                + base.orElse(
                                        "with the number " + Integer.toUnsignedString(oid) + ", which there is no more")
                                + ", which cannot be read from the log. Remedy: ALTER TABLE " + table.quoted()
                                + " ALTER COLUMN ... TYPE text, for the rows to come; those that were written before need"
                                + " source.type = debezium",
                        null));
    }

    /** Looks where the columns of a row are, which begins here. */
    void locate(ByteBuffer row) {
        bytes = row.array();
        int base = row.arrayOffset();
        int count = row.getShort();
        for (int column = 0; column < count; column++) {
            byte format = row.get();
            formats[column] = format;
            if (format == 't' || format == 'b') {
                int length = row.getInt();
                lengths[column] = length;
                offsets[column] = base + row.position();
                row.position(row.position() + length);
            }
        }
    }

    /** The row that was located, as an event. */
    OutboxEvent event(Instant committedAt, Position position) {
        return new OutboxEvent(
                text(id),
                text(aggregateType),
                text(aggregateId),
                text(type),
                payload(payload),
                headers.index() < 0 ? null : text(headers),
                committedAt,
                position);
    }

    /** What the row that was located is found again by: a {@code seq} that is a number as {@link Long}, else as text. */
    RowKey key(long transaction) {
        if (isKeyed && key.type().isInteger() && isThere(key)) {
            return new RowKey(integer(key), transaction);
        }
        return new RowKey(text(key), transaction);
    }

    /** The id of the row that was located, for a log; never null. */
    String id() {
        return String.valueOf(text(id));
    }

    private boolean isThere(Column column) {
        return formats[column.index()] == 't' || formats[column.index()] == 'b';
    }

    private String text(Column column) {
        int index = column.index();
        return switch (formats[index]) {
            case 'b' -> column.type().text(bytes, offsets[index], lengths[index]);
            case 't' -> ColumnType.utf8(bytes, offsets[index], lengths[index]);
            default -> null;
        };
    }

    private byte[] payload(Column column) {
        int index = column.index();
        return switch (formats[index]) {
            case 'b' -> column.type().payload(bytes, offsets[index], lengths[index]);
            case 't' -> column.type().payloadOfText(bytes, offsets[index], lengths[index]);
            default -> null;
        };
    }

    private long integer(Column column) {
        int index = column.index();
        return formats[index] == 'b'
                ? ColumnType.integer(bytes, offsets[index], lengths[index])
                : Long.parseLong(ColumnType.utf8(bytes, offsets[index], lengths[index]));
    }
}
