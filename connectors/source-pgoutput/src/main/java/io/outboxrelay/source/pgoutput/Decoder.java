package io.outboxrelay.source.pgoutput;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.sql.SQLException;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

import io.outboxrelay.api.CodedSqlException;
import io.outboxrelay.api.OutboxEvent;
import io.outboxrelay.postgres.RowKey;
import io.outboxrelay.schema.OutboxTable;

/**
 * Reads the messages of {@code pgoutput}, protocol version 1, one after the other, straight from the driver's buffers.
 * Knows which transaction is open, and where it will have committed. Used by one thread.
 */
final class Decoder {

    /** What a message was. */
    enum Kind {
        /** A row of the outbox was inserted, or an event was sent as a message: {@link #event}, {@link #key}. */
        EVENT,
        /** A transaction is complete: {@link #end}. */
        COMMIT,
        /** A row of the outbox was updated: {@link #updated}. */
        UPDATE,
        /** Nothing that is of any use here. */
        OTHER
    }

    private static final Instant POSTGRES_EPOCH = Instant.parse("2000-01-01T00:00:00Z");

    private final OutboxTable table;
    private final Optional<String> keyColumn;
    private final byte[] messagePrefix;
    private final BaseTypes baseTypes;

    /** The outbox, under its number; null for other tables. */
    private final Map<Integer, Relation> relations = new HashMap<>();

    private boolean inTransaction;
    private long commit;
    private long end;
    private long transaction;
    private Instant committedAt;
    private int events;

    private OutboxEvent event;
    private RowKey key;
    private String updated;

    /**
     * @param keyColumn what a row is found again by in the table, if it needs to be
     * @param messagePrefix of the logical messages that are events, if any are
     * @param baseTypes is asked for types that are no part of Postgres
     */
    Decoder(OutboxTable table, Optional<String> keyColumn, Optional<String> messagePrefix, BaseTypes baseTypes) {
        this.table = table;
        this.keyColumn = keyColumn;
        this.messagePrefix = messagePrefix
                .map(prefix -> prefix.getBytes(StandardCharsets.UTF_8))
                .orElse(null);
        this.baseTypes = baseTypes;
    }

    /**
     * Reads a message, from its first byte.
     *
     * @throws CodedSqlException if the outbox has changed so that its rows cannot be read
     * @throws SQLException if the database could not be asked for a type
     */
    Kind read(ByteBuffer message) throws SQLException {
        byte kind = message.get();
        return switch (kind) {
            case 'I' -> insert(message);
            case 'B' -> begin(message);
            case 'C' -> commit(message);
            case 'R' -> relation(message);
            case 'M' -> message(message);
            case 'U' -> update(message);
            case 'D', 'T', 'O', 'Y' -> Kind.OTHER;
            default -> throw new IllegalStateException("the server sent a message of the unknown kind " + kind);
        };
    }

    /** Whether rows may follow that belong to a transaction of which others were read. */
    boolean isInTransaction() {
        return inTransaction;
    }

    /** Where the transaction ended that was read last, in the log. */
    long end() {
        return end;
    }

    /** The event that was read last. */
    OutboxEvent event() {
        return event;
    }

    /** What the event's row is found again by; without a value for an event that has none. */
    RowKey key() {
        return key;
    }

    /** The id of the row that was updated. */
    String updated() {
        return updated;
    }

    private Kind begin(ByteBuffer message) {
        commit = message.getLong();
        committedAt = POSTGRES_EPOCH.plus(message.getLong(), ChronoUnit.MICROS);
        transaction = Integer.toUnsignedLong(message.getInt());
        events = 0;
        inTransaction = true;
        return Kind.OTHER;
    }

    private Kind commit(ByteBuffer message) {
        message.get(); // Flags, of which there are none.
        message.getLong(); // Where the commit is.
        end = message.getLong();
        inTransaction = false;
        return Kind.COMMIT;
    }

    private Kind relation(ByteBuffer message) throws SQLException {
        int number = message.getInt();
        relations.put(
                number, Relation.read(message, table, keyColumn, baseTypes).orElse(null));
        return Kind.OTHER;
    }

    private Kind insert(ByteBuffer message) {
        Relation relation = relations.get(message.getInt());
        if (relation == null) {
            return Kind.OTHER;
        }
        message.get(); // 'N', for the new row.
        relation.locate(message);
        event = relation.event(committedAt, new RowPosition(commit, events++));
        key = keyColumn.isPresent() ? relation.key(transaction) : null;
        return Kind.EVENT;
    }

    private Kind update(ByteBuffer message) {
        Relation relation = relations.get(message.getInt());
        if (relation == null) {
            return Kind.OTHER;
        }
        byte part = message.get();
        if (part != 'N') {
            relation.locate(message); // The old row, or its key.
            message.get();
        }
        relation.locate(message);
        updated = relation.id();
        return Kind.UPDATE;
    }

    private Kind message(ByteBuffer message) {
        boolean isTransactional = (message.get() & 1) != 0;
        message.getLong(); // Where it is.
        if (!isTransactional || !isPrefixed(message)) {
            return Kind.OTHER;
        }
        int length = message.getInt();
        event = MessageEnvelope.event(
                message.array(),
                message.arrayOffset() + message.position(),
                length,
                committedAt,
                new RowPosition(commit, events++));
        key = new RowKey(null, RowKey.SEEN);
        return Kind.EVENT;
    }

    /** Reads the prefix, and compares it. */
    private boolean isPrefixed(ByteBuffer message) {
        int from = message.arrayOffset() + message.position();
        int length = lengthOfString(message);
        message.position(message.position() + length + 1);
        return messagePrefix != null
                && Arrays.equals(message.array(), from, from + length, messagePrefix, 0, messagePrefix.length);
    }

    /** Reads a text that ends with a NUL. */
    static String string(ByteBuffer message) {
        int length = lengthOfString(message);
        String text = ColumnType.utf8(message.array(), message.arrayOffset() + message.position(), length);
        message.position(message.position() + length + 1);
        return text;
    }

    private static int lengthOfString(ByteBuffer message) {
        int length = 0;
        while (message.get(message.position() + length) != 0) {
            length++;
        }
        return length;
    }
}
