package io.outboxrelay.relay.deadletter;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

import io.outboxrelay.api.OutboxDatabase;

/**
 * The table as operators see it: they look, and write down what they want. The relay that leads acts on it. Any number
 * may do so at once, while the relay runs or not; of two wishes about one event the later counts.
 */
public final class LetterDesk {

    /** An event without its content, for people. */
    public record Summary(DeadLetter letter, long payloadBytes) {}

    /**
     * What became of a wish.
     *
     * @param wished how many events it is noted at
     * @param before a parked event that must go first; then nothing is noted
     */
    public record Answer(int wished, Optional<DeadLetter> before) {}

    /** Rows at which a wish was noted: how many, and the number of the last. */
    private record Batch(int size, long last) {}

    private static final String SUMMARY = "SELECT " + LetterRow.WITHOUT_PAYLOAD
            + ", coalesce(octet_length(payload), 0) AS payload_bytes FROM %s WHERE outbox = ?";

    private static final String BY_NAME = " AND hashtextextended(name, 0) = hashtextextended(?, 0) AND name = ?";

    private static final String WISH =
            "UPDATE %s SET wish = ?, wished_by = current_user, wished_at = now() WHERE outbox = ?";

    /** In the order in which they are released, so that what is noted first may go first. */
    private static final String WISH_SOME = """
            WITH batch AS (
                SELECT seq FROM %1$s WHERE outbox = ? AND seq > ?%2$s ORDER BY seq LIMIT %3$d),
            noted AS (
                UPDATE %1$s SET wish = 'redrive', wished_by = current_user, wished_at = now()
                WHERE seq = ANY (ARRAY(SELECT seq FROM batch)))
            SELECT count(*), max(seq) FROM batch
            """;

    /** Who only looks waits for nothing long: others need the connection. */
    private static final int LOOK_SECONDS = 10;

    /** One transaction's: while it lasts nothing can be put aside. */
    private static final int WISHED_AT_ONCE = 5_000;

    /** Not against the word of somebody who gave an event up. */
    private static final String UNLESS_DISCARDED = " AND wish IS DISTINCT FROM 'discard'";

    private final OutboxDatabase database;
    private final DeadLetterTransaction transaction;
    private final String outbox;
    private final String table;

    /** @param database the database with the outbox; the table is in the outbox's schema */
    public LetterDesk(OutboxDatabase database) {
        this.database = database;
        this.outbox = database.table().toString();
        this.table = DeadLetterTable.quoted(database);
        this.transaction = new DeadLetterTransaction(database);
    }

    /** How much is put aside. */
    public DeadLetterCounts counts() throws SQLException {
        return new WishedLetters(database).counts();
    }

    /** What is put aside, in order. */
    public List<Summary> list(int atMost) throws SQLException {
        return list(0, atMost);
    }

    /** What is put aside, in order, behind the one of this number. */
    public List<Summary> list(long after, int atMost) throws SQLException {
        try (Connection connection = database.dataSource().getConnection();
                PreparedStatement select =
                        connection.prepareStatement(SUMMARY.formatted(table) + " AND seq > ? ORDER BY seq LIMIT ?")) {
            select.setString(1, outbox);
            select.setLong(2, after);
            select.setInt(3, atMost);
            select.setQueryTimeout(LOOK_SECONDS);
            return summaries(select);
        }
    }

    /** The events of this name: one, or after a change of the topic's template one for each destination. */
    public List<Summary> find(String name) throws SQLException {
        try (Connection connection = database.dataSource().getConnection();
                PreparedStatement select =
                        connection.prepareStatement(SUMMARY.formatted(table) + BY_NAME + " ORDER BY seq")) {
            select.setString(1, outbox);
            select.setString(2, name);
            select.setString(3, name);
            return summaries(select);
        }
    }

    /** The payload of an event, or null. */
    public byte[] payload(DeadLetter letter) throws SQLException {
        try (Connection connection = database.dataSource().getConnection();
                PreparedStatement select = connection.prepareStatement("SELECT payload FROM " + table
                        + " WHERE outbox = ?" + BY_NAME + " AND destination = ? ORDER BY seq = ? DESC LIMIT 1")) {
            select.setString(1, outbox);
            select.setString(2, letter.name());
            select.setString(3, letter.name());
            select.setString(4, letter.destination());
            select.setLong(5, letter.seq());
            try (ResultSet row = select.executeQuery()) {
                return row.next() ? row.getBytes(1) : null;
            }
        }
    }

    /** Wants an event sent once more. One that waits behind another cannot go before it. */
    public Answer redrive(String name) throws SQLException {
        return transaction.run(connection -> {
            Optional<DeadLetter> before = before(connection, name);
            return before.isPresent()
                    ? new Answer(0, before)
                    : new Answer(wish(connection, "redrive", BY_NAME, name, name), Optional.empty());
        });
    }

    /** Wants all that is put aside of an aggregate sent once more, and all that comes behind it meanwhile. */
    public Answer redriveKey(String key) throws SQLException {
        return redriveInOrder(" AND " + KeyCondition.BY_TEXT + UNLESS_DISCARDED, key, key);
    }

    /** Wants everything sent once more. Where this fails, the wish stands at a part of it, and can be said again. */
    public Answer redriveAll() throws SQLException {
        return redriveInOrder(UNLESS_DISCARDED);
    }

    /** Wants an event deleted unsent. */
    public Answer discard(String name) throws SQLException {
        return transaction.run(
                connection -> new Answer(wish(connection, "discard", BY_NAME, name, name), Optional.empty()));
    }

    private Answer redriveInOrder(String condition, String... values) throws SQLException {
        int wished = 0;
        long after = 0;
        while (true) {
            long behind = after;
            Batch batch = transaction.run(connection -> wishSome(connection, behind, condition, values));
            wished += batch.size();
            after = batch.last();
            if (batch.size() < WISHED_AT_ONCE) {
                return new Answer(wished, Optional.empty());
            }
        }
    }

    private Batch wishSome(Connection connection, long after, String condition, String... values) throws SQLException {
        try (PreparedStatement update =
                connection.prepareStatement(WISH_SOME.formatted(table, condition, WISHED_AT_ONCE))) {
            update.setString(1, outbox);
            update.setLong(2, after);
            for (int i = 0; i < values.length; i++) {
                update.setString(3 + i, values[i]);
            }
            try (ResultSet row = update.executeQuery()) {
                return row.next() ? new Batch(row.getInt(1), row.getLong(2)) : new Batch(0, after);
            }
        }
    }

    private int wish(Connection connection, String wish, String condition, String... values) throws SQLException {
        try (PreparedStatement update = connection.prepareStatement(WISH.formatted(table) + condition)) {
            update.setString(1, wish);
            update.setString(2, outbox);
            for (int i = 0; i < values.length; i++) {
                update.setString(3 + i, values[i]);
            }
            return update.executeUpdate();
        }
    }

    /** The first parked event of the same aggregate that nobody wants sent and that this one waits behind. */
    private Optional<DeadLetter> before(Connection connection, String name) throws SQLException {
        Optional<DeadLetter> parked;
        try (PreparedStatement select =
                connection.prepareStatement(SUMMARY.formatted(table) + BY_NAME + " AND parked ORDER BY seq LIMIT 1")) {
            select.setString(1, outbox);
            select.setString(2, name);
            select.setString(3, name);
            parked = summaries(select).stream().map(Summary::letter).findFirst();
        }
        if (parked.isEmpty()) {
            return Optional.empty();
        }
        try (PreparedStatement select = connection.prepareStatement(SUMMARY.formatted(table) + " AND "
                + KeyCondition.SQL
                + " AND parked AND seq < ? AND wish IS DISTINCT FROM 'redrive' ORDER BY seq LIMIT 1")) {
            select.setString(1, outbox);
            select.setLong(
                    KeyCondition.set(select, 2, parked.get().key()),
                    parked.get().seq());
            return summaries(select).stream().map(Summary::letter).findFirst();
        }
    }

    private static List<Summary> summaries(PreparedStatement select) throws SQLException {
        List<Summary> letters = new ArrayList<>();
        try (ResultSet rows = select.executeQuery()) {
            while (rows.next()) {
                letters.add(new Summary(LetterRow.readWithoutPayload(rows), rows.getLong("payload_bytes")));
            }
        }
        return letters;
    }
}
