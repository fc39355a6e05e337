package io.outboxrelay.relay.deadletter;

import java.sql.Array;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

import io.outboxrelay.api.OutboxEvent;
import io.outboxrelay.relay.delivery.AsideEvent;
import io.outboxrelay.relay.delivery.EventKey;

/**
 * Puts rows into the table, in one transaction. A row that is there already is there once. If this run found it there from
 * a run before, and has put others behind it, those come before it in the source, for that one hands over in order: then
 * it moves behind them, at once with all that was parked behind it before this run.
 */
final class PutRows implements AutoCloseable {

    private static final String PUT = """
            INSERT INTO %s AS there
                (outbox, name, event_id, aggregate_type, aggregate_id, type, payload, headers, occurred_at, position,
                 destination, parked, reason, kind, attempts, wish, wished_by, wished_at, put_by)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (outbox, hashtextextended(name, 0), hashtextextended(name, 1), hashtextextended(destination, 0),
                         hashtextextended(coalesce(aggregate_type, '') || '/' || coalesce(aggregate_id, ''), 0),
                         sha256(coalesce(payload, '')))
            DO UPDATE SET parked = there.parked OR (excluded.parked AND there.put_by = excluded.put_by)
            """;

    private static final String[] PUT_RETURNS = {"seq", "put_by", "parked"};

    /** A row and what came behind it before this run, if this run put something behind them that comes before them. */
    private static final String OVERTAKEN = """
            SELECT seq FROM %1$s
            WHERE outbox = ? AND %2$s AND (seq = ? OR (seq > ? AND ? AND parked)) AND put_by <> ALL (?)
              AND EXISTS (SELECT FROM %1$s WHERE outbox = ? AND %2$s AND seq > ? AND put_by = ANY (?))
            ORDER BY seq
            """;

    private static final String MOVE = "UPDATE %s SET seq = DEFAULT WHERE seq = ?";

    private static final String TAKE_OVER = "UPDATE %s SET put_by = ?, parked = parked OR ? WHERE seq = ?";

    /** A row of a run before; one that held back nothing moves alone. */
    private record Former(long seq, boolean wasParked, long putBy) {}

    private final Connection connection;
    private final String outbox;
    private final String table;
    private final List<Long> runs;
    private final long run;
    private final boolean oneByOne;
    private final PreparedStatement insert;

    /** What is sent with the next statement. */
    private final Set<List<String>> batch = new HashSet<>();

    private boolean anyThereFromBefore;

    /**
     * @param runs the numbers of this run, the last one of those is put
     * @param oneByOne whether rows of a run before are brought in order. If not, many rows are put with one statement, and
     *     it is only found out whether there are such
     */
    PutRows(Connection connection, String outbox, String table, List<Long> runs, boolean oneByOne) throws SQLException {
        this.connection = connection;
        this.outbox = outbox;
        this.table = table;
        this.runs = runs;
        this.run = runs.get(runs.size() - 1);
        this.oneByOne = oneByOne;
        this.insert = connection.prepareStatement(PUT.formatted(table), PUT_RETURNS);
    }

    /** Puts a row now or with those that follow. */
    void add(AsideEvent event, DeadLetterTable.Last last) throws SQLException {
        List<String> row = List.of(event.event().name(), event.destination());
        if (batch.contains(row)) {
            // A driver that makes one statement of a batch could not change a row twice.
            send();
        }
        batch.add(row);
        set(event, last);
        insert.addBatch();
        if (oneByOne) {
            for (Former there : send()) {
                bringInOrder(there, event);
            }
        }
    }

    /** Puts what is not put yet. */
    void end() throws SQLException {
        send();
    }

    /** Whether any of the rows was there from a run before. */
    boolean isAnyThereFromBefore() {
        return anyThereFromBefore;
    }

    @Override
    public void close() throws SQLException {
        insert.close();
    }

    /** The rows that were there from a run before. */
    private List<Former> send() throws SQLException {
        List<Former> fromBefore = new ArrayList<>();
        if (!batch.isEmpty()) {
            batch.clear();
            insert.executeBatch();
            try (ResultSet rows = insert.getGeneratedKeys()) {
                while (rows.next()) {
                    if (rows.getLong("put_by") != run) {
                        fromBefore.add(
                                new Former(rows.getLong("seq"), rows.getBoolean("parked"), rows.getLong("put_by")));
                    }
                }
            }
            anyThereFromBefore |= !fromBefore.isEmpty();
        }
        return fromBefore;
    }

    private void bringInOrder(Former there, AsideEvent event) throws SQLException {
        try (PreparedStatement takeOver = connection.prepareStatement(TAKE_OVER.formatted(table))) {
            List<Long> overtaken = overtaken(there, EventKey.of(event.event()));
            takeOver.setLong(1, run);
            takeOver.setBoolean(2, event.parks());
            takeOver.setLong(3, there.seq());
            takeOver.executeUpdate();
            try (PreparedStatement move = connection.prepareStatement(MOVE.formatted(table))) {
                for (long next : overtaken) {
                    move.setLong(1, next);
                    move.addBatch();
                }
                move.executeBatch();
            }
        }
    }

    private List<Long> overtaken(Former there, EventKey key) throws SQLException {
        try (PreparedStatement select = connection.prepareStatement(OVERTAKEN.formatted(table, KeyCondition.SQL))) {
            select.setString(1, outbox);
            int next = KeyCondition.set(select, 2, key);
            select.setLong(next, there.seq());
            select.setLong(next + 1, there.seq());
            select.setBoolean(next + 2, there.wasParked());
            Array since = connection.createArrayOf(
                    "bigint",
                    runs.subList(runs.indexOf(there.putBy()) + 1, runs.size()).toArray());
            select.setArray(next + 3, since);
            select.setString(next + 4, outbox);
            next = KeyCondition.set(select, next + 5, key);
            select.setLong(next, there.seq());
            select.setArray(next + 1, since);
            List<Long> seqs = new ArrayList<>();
            try (ResultSet rows = select.executeQuery()) {
                while (rows.next()) {
                    seqs.add(rows.getLong(1));
                }
            }
            return seqs;
        }
    }

    private void set(AsideEvent aside, DeadLetterTable.Last last) throws SQLException {
        OutboxEvent event = aside.event();
        insert.setString(1, outbox);
        insert.setString(2, event.name());
        insert.setString(3, event.id());
        insert.setString(4, event.aggregateType());
        insert.setString(5, event.aggregateId());
        insert.setString(6, event.type());
        insert.setBytes(7, event.payload());
        insert.setString(8, event.headers());
        insert.setObject(9, event.occurredAt().atOffset(ZoneOffset.UTC));
        insert.setString(10, event.position().toString());
        insert.setString(11, DeadLetterTable.storable(aside.destination()));
        insert.setBoolean(12, aside.parks());
        insert.setString(13, DeadLetterTable.line(aside.reason()));
        insert.setString(14, aside.kind());
        insert.setInt(15, aside.isBehind() ? 0 : 1);
        insert.setString(16, last.wish());
        insert.setString(17, last.wishedBy());
        insert.setObject(18, last.wishedAt());
        insert.setLong(19, run);
    }
}
