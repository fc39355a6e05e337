package io.outboxrelay.relay.deadletter;

import java.sql.Array;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;

import io.outboxrelay.api.OutboxDatabase;
import io.outboxrelay.api.RejectedException;
import io.outboxrelay.relay.delivery.AsideEvent;
import io.outboxrelay.relay.delivery.EventKey;
import io.outboxrelay.schema.ParkedIndex;

/** The table as the relay sees it that acts on the operators' wishes. */
final class WishedLetters {

    private static final String DISCARD = """
            DELETE FROM %1$s WHERE outbox = ? AND wish = 'discard' AND seq = ANY (ARRAY(
                SELECT seq FROM %1$s WHERE outbox = ? AND wish = 'discard' AND seq <> ALL (?) ORDER BY seq LIMIT 1000))
            RETURNING %2$s
            """;

    /** Of some rows only: with a wish for millions, all would not be read in time. */
    private static final String KEYS = """
            WITH page AS MATERIALIZED (
                SELECT seq, aggregate_type, aggregate_id FROM %1$s
                WHERE outbox = ? AND wish = 'redrive' AND seq > ? ORDER BY seq LIMIT %2$d)
            SELECT aggregate_type, aggregate_id, min(seq), (SELECT max(seq) FROM page), (SELECT count(*) FROM page)
            FROM page GROUP BY aggregate_type, aggregate_id ORDER BY min(seq) LIMIT %3$d
            """;

    private static final int ROWS_LOOKED_AT = 20_000;

    /** A key may have 100 KB and more. */
    private static final int MOST_KEYS = 500;

    /**
     * Aggregates of which something is to be sent.
     *
     * @param keys longest put aside first
     * @param next where the next look begins, or 0 if there are no more behind these
     */
    record WishedKeys(List<EventKey> keys, long next) {}

    /** What is parked is released from the first on, without a gap. */
    private static final String NEXT = """
            SELECT %2$s FROM (
                SELECT %2$s,
                       sum(coalesce(octet_length(payload), 0)) OVER (ORDER BY seq) AS bytes_so_far,
                       row_number() OVER (ORDER BY seq) AS place
                FROM (
                    SELECT %2$s, bool_or(parked AND wish IS DISTINCT FROM 'redrive') OVER (ORDER BY seq) AS blocked
                    FROM %1$s WHERE outbox = ? AND %3$s) AS in_order
                WHERE wish = 'redrive' AND NOT (parked AND blocked)
                ORDER BY seq LIMIT %4$d) AS released
            WHERE place = 1 OR bytes_so_far <= %5$d
            ORDER BY seq
            """;

    private static final int MOST_AT_ONCE = 50;
    private static final int MOST_BYTES_AT_ONCE = 256 << 10;

    private static final String DELETE = "DELETE FROM %s WHERE outbox = ? AND seq = ANY (?)";

    private static final String REJECTED_AGAIN = """
            UPDATE %s SET attempts = attempts + 1, reason = ?, kind = ?, tried_at = now(),
                          wish = nullif(wish, 'redrive'),
                          wished_by = CASE WHEN wish = 'discard' THEN wished_by END,
                          wished_at = CASE WHEN wish = 'discard' THEN wished_at END
            WHERE outbox = ? AND hashtextextended(name, 0) = hashtextextended(?, 0) AND name = ? AND destination = ?
            """;

    /** The last ones first: what is left, should this not come to its end, is released in order all the same. */
    private static final String CLEAR_KEY = """
            UPDATE %1$s SET wish = NULL, wished_by = NULL, wished_at = NULL
            WHERE seq = ANY (ARRAY(
                SELECT seq FROM %1$s WHERE outbox = ? AND %2$s AND parked AND wish = 'redrive'
                ORDER BY seq DESC LIMIT %3$d))
            """;

    private static final int CLEARED_AT_ONCE = 5_000;

    private static final String COUNT = "SELECT count(*) FROM (SELECT FROM %s WHERE outbox = ? LIMIT %d) AS counted";

    private final OutboxDatabase database;
    private final DeadLetterTransaction transaction;
    private final String outbox;
    private final String table;

    WishedLetters(OutboxDatabase database) {
        this.database = database;
        this.outbox = database.table().toString();
        this.table = DeadLetterTable.quoted(database);
        this.transaction = new DeadLetterTransaction(database);
    }

    /**
     * Deletes some of what operators gave up, and returns it without payloads.
     *
     * @param underWay numbers of rows that stay, because their messages are sent
     */
    List<DeadLetter> discard(Collection<Long> underWay) throws SQLException {
        return transaction.run(connection -> {
            try (PreparedStatement delete =
                    connection.prepareStatement(DISCARD.formatted(table, LetterRow.WITHOUT_PAYLOAD))) {
                delete.setString(1, outbox);
                delete.setString(2, outbox);
                delete.setArray(3, connection.createArrayOf("bigint", underWay.toArray()));
                List<DeadLetter> gone = new ArrayList<>();
                try (ResultSet rows = delete.executeQuery()) {
                    while (rows.next()) {
                        gone.add(LetterRow.readWithoutPayload(rows));
                    }
                }
                return gone;
            }
        });
    }

    /** Whether there is any wish: a look without any lock. */
    boolean isAnyWished() throws SQLException {
        try (Connection connection = database.dataSource().getConnection();
                PreparedStatement select = connection.prepareStatement(
                        "SELECT EXISTS (SELECT FROM " + table + " WHERE outbox = ? AND wish IS NOT NULL)")) {
            select.setString(1, outbox);
            try (ResultSet row = select.executeQuery()) {
                return row.next() && row.getBoolean(1);
            }
        }
    }

    /**
     * Some aggregates of which something is to be sent.
     *
     * @param after the number of the row behind which it looks; 0 begins at the first
     */
    WishedKeys keys(long after) throws SQLException {
        try (Connection connection = database.dataSource().getConnection();
                PreparedStatement select =
                        connection.prepareStatement(KEYS.formatted(table, ROWS_LOOKED_AT, MOST_KEYS))) {
            select.setString(1, outbox);
            select.setLong(2, after);
            List<EventKey> keys = new ArrayList<>();
            long next = 0;
            try (ResultSet rows = select.executeQuery()) {
                while (rows.next()) {
                    keys.add(new EventKey(rows.getString(1), rows.getString(2)));
                    if (keys.size() == MOST_KEYS) {
                        next = rows.getLong(3);
                    } else if (rows.getLong(5) == ROWS_LOOKED_AT) {
                        next = rows.getLong(4);
                    }
                }
            }
            return new WishedKeys(keys, next);
        }
    }

    /** What is to be sent next of an aggregate, in order: some, or none. */
    List<DeadLetter> next(EventKey key) throws SQLException {
        String sql = NEXT.formatted(table, LetterRow.COLUMNS, KeyCondition.SQL, MOST_AT_ONCE, MOST_BYTES_AT_ONCE);
        try (Connection connection = database.dataSource().getConnection();
                PreparedStatement select = connection.prepareStatement(sql)) {
            select.setString(1, outbox);
            KeyCondition.set(select, 2, key);
            List<DeadLetter> letters = new ArrayList<>();
            try (ResultSet rows = select.executeQuery()) {
                while (rows.next()) {
                    letters.add(LetterRow.read(rows));
                }
            }
            return letters;
        }
    }

    /** Whether the row of this number is still there and to be sent: a look without any lock. */
    boolean isWished(long seq) throws SQLException {
        try (Connection connection = database.dataSource().getConnection();
                PreparedStatement select = connection.prepareStatement(
                        "SELECT EXISTS (SELECT FROM " + table + " WHERE seq = ? AND wish = 'redrive')")) {
            select.setLong(1, seq);
            try (ResultSet row = select.executeQuery()) {
                return row.next() && row.getBoolean(1);
            }
        }
    }

    /** Takes out what is sent. What was moved behind an earlier event meanwhile has another number, and stays. */
    void delete(Collection<Long> seqs) throws SQLException {
        transaction.run(connection -> {
            try (PreparedStatement delete = connection.prepareStatement(DELETE.formatted(table))) {
                Array numbers = connection.createArrayOf("bigint", seqs.toArray());
                delete.setString(1, outbox);
                delete.setArray(2, numbers);
                return delete.executeUpdate();
            }
        });
    }

    /** Leaves an event that was rejected again where it is, and if it is parked, all behind it. */
    void rejectedAgain(DeadLetter letter, RejectedException reason) throws SQLException {
        int cleared = transaction.run(connection -> {
            try (PreparedStatement update = connection.prepareStatement(REJECTED_AGAIN.formatted(table))) {
                update.setString(1, DeadLetterTable.line(reason.getMessage()));
                update.setString(2, AsideEvent.kindOf(reason));
                update.setString(3, outbox);
                update.setString(4, letter.name());
                update.setString(5, letter.name());
                update.setString(6, letter.destination());
                update.executeUpdate();
                return letter.parked() ? clear(connection, letter.key()) : 0;
            }
        });
        while (cleared == CLEARED_AT_ONCE) {
            cleared = transaction.run(connection -> clear(connection, letter.key()));
        }
    }

    private int clear(Connection connection, EventKey key) throws SQLException {
        try (PreparedStatement clear =
                connection.prepareStatement(CLEAR_KEY.formatted(table, KeyCondition.SQL, CLEARED_AT_ONCE))) {
            clear.setString(1, outbox);
            KeyCondition.set(clear, 2, key);
            return clear.executeUpdate();
        }
    }

    /** How much is put aside, as far as that is counted. */
    DeadLetterCounts counts() throws SQLException {
        try (Connection connection = database.dataSource().getConnection();
                PreparedStatement letters = connection.prepareStatement(COUNT.formatted(table, DeadLetterCounts.MOST));
                PreparedStatement keys = connection.prepareStatement(ParkedIndex.count(table, DeadLetterCounts.MOST))) {
            letters.setString(1, outbox);
            keys.setString(1, outbox);
            keys.setLong(2, Long.MIN_VALUE);
            keys.setLong(3, Long.MIN_VALUE);
            keys.setString(4, outbox);
            return new DeadLetterCounts(number(letters), number(keys));
        }
    }

    private static long number(PreparedStatement select) throws SQLException {
        try (ResultSet row = select.executeQuery()) {
            return row.next() ? row.getLong(1) : 0;
        }
    }
}
