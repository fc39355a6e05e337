package io.outboxrelay.source.debezium;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.HexFormat;
import java.util.Optional;

import io.outboxrelay.api.OutboxEvent;
import io.outboxrelay.postgres.RowKey;
import io.outboxrelay.schema.OutboxColumns;
import io.outboxrelay.schema.OutboxTable;
import org.apache.kafka.connect.data.Field;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.Struct;
import org.apache.kafka.connect.source.SourceRecord;

/** Makes events of the engine's records, by the names of the columns. Used by one thread. */
final class RowMapper {

    /** Set on the second half of an update that changed the key, which otherwise looks like an insert. */
    private static final String KEY_BEFORE_UPDATE = "__debezium.oldkey";

    private final OutboxColumns columns;
    private final Optional<String> keyColumn;
    private final String topic;

    private Schema envelope;
    private Row row;

    /**
     * @param topicPrefix the engine's
     * @param keyColumn what a row is found again by in the table, if it needs to be
     */
    RowMapper(OutboxTable table, String topicPrefix, Optional<String> keyColumn) {
        this.columns = table.columns();
        this.keyColumn = keyColumn;
        this.topic = topicPrefix + "." + sanitized(table.schema()) + "." + sanitized(table.table());
    }

    /**
     * Whether the record is about a row of the outbox. Others are heartbeats, or of a table whose name differs in nothing
     * but case, which the engine's filter ignores.
     */
    boolean isRow(SourceRecord record) {
        if (record.valueSchema() != envelope) {
            envelope = record.valueSchema();
            row = topic.equals(record.topic()) ? Row.of(envelope, columns, keyColumn) : null;
        }
        return row != null;
    }

    /** Whether the row was inserted; anything else must not become a message. */
    boolean isInsert(SourceRecord record) {
        return "c".equals(((Struct) record.value()).get(row.operation))
                && (record.headers().isEmpty() || record.headers().lastWithName(KEY_BEFORE_UPDATE) == null);
    }

    /** Whether the row was updated. */
    boolean isUpdate(SourceRecord record) {
        return "u".equals(((Struct) record.value()).get(row.operation))
                || record.headers().lastWithName(KEY_BEFORE_UPDATE) != null;
    }

    /** The id of the row that an update left behind, for a log; never null. */
    String id(SourceRecord record) {
        Struct after = (Struct) ((Struct) record.value()).get(row.after);
        return String.valueOf(text(after, row.id));
    }

    /** The row's own place in the log. */
    long lsn(SourceRecord record) {
        return (Long) record.sourceOffset().get("lsn");
    }

    /** What the inserted row is found again by: a number as {@link Long}, anything else as text. */
    RowKey key(SourceRecord record) {
        Object value = value((Struct) ((Struct) record.value()).get(row.after), row.key);
        Object key = columns.seq().isPresent() && value instanceof Number number
                ? (Object) number.longValue()
                : value == null ? null : value.toString();
        return new RowKey(key, (Long) record.sourceOffset().get("txId"));
    }

    /** The inserted row as an event. */
    OutboxEvent event(SourceRecord record, RowPosition position) {
        Struct after = (Struct) ((Struct) record.value()).get(row.after);
        return new OutboxEvent(
                text(after, row.id),
                text(after, row.aggregateType),
                text(after, row.aggregateId),
                text(after, row.type),
                bytes(value(after, row.payload)),
                row.headers == null ? null : text(after, row.headers),
                committedAt(record),
                position);
    }

    private static Instant committedAt(SourceRecord record) {
        return Instant.EPOCH.plus((Long) record.sourceOffset().get("ts_usec"), ChronoUnit.MICROS);
    }

    /** What the engine makes of a name that no topic could have. */
    private static String sanitized(String name) {
        return name.replaceAll("[^A-Za-z0-9._-]", "_");
    }

    private static String text(Struct after, Field column) {
        Object value = value(after, column);
        if (value == null || value instanceof String) {
            return (String) value;
        }
        byte[] bytes = array(value);
        return bytes == null ? value.toString() : "\\x" + HexFormat.of().formatHex(bytes);
    }

    /** The column's value as it is; {@link Struct#get} would put the column's default in the place of NULL. */
    private static Object value(Struct after, Field column) {
        return after.getWithoutDefault(column.name());
    }

    private static byte[] bytes(Object value) {
        if (value == null) {
            return null;
        }
        byte[] bytes = array(value);
        return bytes == null ? value.toString().getBytes(StandardCharsets.UTF_8) : bytes;
    }

    private static byte[] array(Object value) {
        if (value instanceof byte[] bytes) {
            return bytes;
        }
        if (value instanceof ByteBuffer buffer) {
            if (buffer.hasArray() && buffer.arrayOffset() == 0 && buffer.array().length == buffer.remaining()) {
                return buffer.array();
            }
            byte[] copy = new byte[buffer.remaining()];
            buffer.duplicate().get(copy);
            return copy;
        }
        return null;
    }

    /** Where everything is in the records of one schema; the schema changes when the table does. */
    private record Row(
            Field operation,
            Field after,
            Field id,
            Field aggregateType,
            Field aggregateId,
            Field type,
            Field payload,
            Field headers,
            Field key) {

        /** Null if these are no records about rows. */
        static Row of(Schema envelope, OutboxColumns columns, Optional<String> keyColumn) {
            if (envelope == null || envelope.type() != Schema.Type.STRUCT || envelope.field("after") == null) {
                return null;
            }
            Schema after = envelope.field("after").schema();
            return new Row(
                    envelope.field("op"),
                    envelope.field("after"),
                    column(after, columns.id()),
                    column(after, columns.aggregateType()),
                    column(after, columns.aggregateId()),
                    column(after, columns.type()),
                    column(after, columns.payload()),
                    columns.headers()
                            .flatMap(name -> Optional.ofNullable(after.field(name)))
                            .orElse(null),
                    keyColumn.map(name -> column(after, name)).orElse(null));
        }

        private static Field column(Schema after, String name) {
            Field field = after.field(name);
            if (field == null) {
                throw new IllegalStateException("the log's rows have no column " + name
                        + ": the table lacks it, or the publication leaves it out");
            }
            return field;
        }
    }
}
