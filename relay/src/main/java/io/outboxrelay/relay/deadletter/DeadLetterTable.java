package io.outboxrelay.relay.deadletter;

import java.io.IOException;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Savepoint;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArraySet;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Stream;

import io.outboxrelay.api.Fence;
import io.outboxrelay.api.OutboxDatabase;
import io.outboxrelay.relay.delivery.AsideEvent;
import io.outboxrelay.relay.delivery.AsideStore;
import io.outboxrelay.relay.delivery.EventKey;
import io.outboxrelay.relay.ops.DatabaseFailure;
import io.outboxrelay.schema.Identifier;
import io.outboxrelay.schema.ParkedIndex;

import static java.nio.charset.StandardCharsets.UTF_8;

/**
 * The table {@code outbox_dead_letter} as delivery needs it: what is put aside, and what is parked. Names every column,
 * so that a later migration may add some.
 */
public final class DeadLetterTable implements AsideStore {

    /** The table's name; its schema is the outbox's. */
    public static final String NAME = "outbox_dead_letter";

    private static final String LAST = """
            SELECT wish, wished_by, wished_at FROM %s WHERE outbox = ? AND %s AND parked ORDER BY seq DESC LIMIT 1
            """;

    private static final String IS_FREE = "SELECT NOT EXISTS (SELECT FROM %s WHERE outbox = ? AND %s AND parked)";

    /** Aggregates that are read with one statement: what a table of any size takes is below every time-out. */
    private static final int PARKED_AT_ONCE = 10_000;

    /** Whether anything of an aggregate is parked, and the wish that is passed on to what comes behind it. */
    record Last(boolean isParked, String wish, String wishedBy, OffsetDateTime wishedAt) {

        static final Last NONE = new Last(false, null, null, null);
        static final Last WITHOUT_WISH = new Last(true, null, null, null);
    }

    private final OutboxDatabase database;
    private final DeadLetterTransaction transaction;
    private final String outbox;
    private final String table;

    /** Tells what this run put from what was there; another number from each failure on, the last one counts. */
    private final AtomicReference<List<Long>> run = new AtomicReference<>(List.of(number()));

    /** The rights without which nothing is put aside. */
    private final Set<Fence> fences = new CopyOnWriteArraySet<>();

    /**
     * @param database the database with the outbox; the table is in the outbox's schema
     * @param fence the right to read the outbox
     */
    public DeadLetterTable(OutboxDatabase database, Fence fence) {
        this.database = database;
        fences.add(fence);
        this.outbox = database.table().toString();
        this.table = quoted(database);
        this.transaction = new DeadLetterTransaction(database);
    }

    /** The table's full name as SQL text. */
    static String quoted(OutboxDatabase database) {
        return Identifier.quote(database.table().schema()) + "." + NAME;
    }

    @Override
    public void fence(Fence fence) {
        fences.add(fence);
        // Another relay may have had the lane meanwhile, and put there what this one had not.
        run.set(List.of(number()));
    }

    @Override
    public List<Boolean> put(List<AsideEvent> events) throws IOException {
        List<Long> by = run.get();
        boolean isDone = false;
        try {
            List<Boolean> stored = transaction.run(connection -> {
                requireFences(connection);
                return put(connection, events, by);
            });
            isDone = true;
            return stored;
        } catch (SQLException e) {
            throw told(e);
        } finally {
            if (!isDone) {
                // It may be there all the same, and some of it redriven before it is put once more. If a lane has
                // begun meanwhile, everything counts as there from before.
                run.compareAndSet(
                        by, Stream.concat(by.stream(), Stream.of(number())).toList());
            }
        }
    }

    @Override
    public Set<EventKey> parked() throws IOException {
        try {
            // Whoever put something aside before, under a right that has ended, has committed that by now or never
            // will.
            transaction.run(connection -> null);
            return readParked();
        } catch (SQLException e) {
            throw told(e);
        }
    }

    private Set<EventKey> readParked() throws SQLException {
        try (Connection connection = database.dataSource().getConnection();
                PreparedStatement select = connection.prepareStatement(ParkedIndex.keys(table, PARKED_AT_ONCE))) {
            select.setString(1, outbox);
            select.setLong(2, Long.MIN_VALUE);
            select.setLong(3, Long.MIN_VALUE);
            select.setString(4, outbox);
            Set<EventKey> keys = new HashSet<>();
            int found = PARKED_AT_ONCE;
            while (found == PARKED_AT_ONCE) {
                found = 0;
                try (ResultSet rows = select.executeQuery()) {
                    while (rows.next()) {
                        keys.add(new EventKey(rows.getString(3), rows.getString(4)));
                        select.setLong(2, rows.getLong(1));
                        select.setLong(3, rows.getLong(2));
                        found++;
                    }
                }
            }
            return keys;
        }
    }

    @Override
    public boolean isFree(EventKey key) throws IOException {
        try {
            return transaction.run(connection -> {
                try (PreparedStatement select =
                        connection.prepareStatement(IS_FREE.formatted(table, KeyCondition.SQL))) {
                    select.setString(1, outbox);
                    KeyCondition.set(select, 2, key);
                    try (ResultSet row = select.executeQuery()) {
                        return row.next() && row.getBoolean(1);
                    }
                }
            });
        } catch (SQLException e) {
            throw told(e);
        }
    }

    /** In this turn, so that whoever got the right after this relay puts its events behind these, and not between them. */
    private void requireFences(Connection connection) throws SQLException {
        for (Fence fence : fences) {
            if (!fence.holds(connection)) {
                throw new SQLException("the right to read " + outbox + " has ended: another relay may read it now");
            }
        }
    }

    private List<Boolean> put(Connection connection, List<AsideEvent> events, List<Long> by) throws SQLException {
        Savepoint before = connection.setSavepoint();
        PutRows puts = new PutRows(connection, outbox, table, by, false);
        List<Boolean> stored = put(connection, events, puts);
        if (puts.isAnyThereFromBefore()) {
            // After a crash: what comes before a row that is there, and what comes after it, is told one by one.
            connection.rollback(before);
            stored = put(connection, events, new PutRows(connection, outbox, table, by, true));
        }
        return stored;
    }

    private List<Boolean> put(Connection connection, List<AsideEvent> events, PutRows puts) throws SQLException {
        Map<EventKey, Last> before = new HashMap<>();
        List<Boolean> stored = new ArrayList<>();
        try (puts) {
            for (AsideEvent event : events) {
                EventKey key = EventKey.of(event.event());
                Last last = event.isBehind() ? before.get(key) : Last.NONE;
                if (last == null) {
                    last = last(connection, key);
                    before.put(key, last);
                }
                boolean isPut = !event.isBehind() || last.isParked();
                if (isPut) {
                    puts.add(event, last);
                }
                if (event.parks() && !event.isBehind()) {
                    before.put(key, Last.WITHOUT_WISH);
                }
                stored.add(isPut);
            }
            puts.end();
        }
        return stored;
    }

    private Last last(Connection connection, EventKey key) throws SQLException {
        try (PreparedStatement select = connection.prepareStatement(LAST.formatted(table, KeyCondition.SQL))) {
            select.setString(1, outbox);
            KeyCondition.set(select, 2, key);
            try (ResultSet row = select.executeQuery()) {
                if (!row.next()) {
                    return Last.NONE;
                }
                String wish = row.getString(1);
                return "redrive".equals(wish)
                        ? new Last(true, wish, row.getString(2), row.getObject(3, OffsetDateTime.class))
                        : Last.WITHOUT_WISH;
            }
        }
    }

    private static Long number() {
        return ThreadLocalRandom.current().nextLong();
    }

    /** A reason in one line. */
    static String line(String reason) {
        return storable(String.valueOf(reason)).strip().replaceAll("\\s*\\R\\s*", "; ");
    }

    /** What a broker's client says, or a template makes of escapes in JSON, may hold what Postgres cannot store. */
    static String storable(String text) {
        return new String(text.getBytes(UTF_8), UTF_8).replace('\0', '?');
    }

    private static IOException told(SQLException failure) {
        return new IOException(DatabaseFailure.of(failure).toString(), failure);
    }
}
