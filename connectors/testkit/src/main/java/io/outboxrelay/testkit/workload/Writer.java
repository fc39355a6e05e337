package io.outboxrelay.testkit.workload;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.sql.Savepoint;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.TreeSet;
import java.util.UUID;

/**
 * One writer's transactions, of all shapes, at random. A transaction locks its aggregates in the order of their names,
 * so that no two wait for each other.
 */
final class Writer {

    private static final int LONG_TRANSACTION_MAX_MILLIS = 60;

    /** One in so many transactions that stay open stays so for much longer. */
    private static final int VERY_LONG_ONE_IN = 30;

    private final OutboxInserts inserts;
    private final List<String> aggregateIds;
    private final Pace pace;
    private final Ledger ledger;
    private final Duration longest;
    private final Random random;

    Writer(OutboxInserts inserts, List<String> aggregateIds, Pace pace, Ledger ledger, Duration longest, long seed) {
        this.inserts = inserts;
        this.aggregateIds = aggregateIds;
        this.pace = pace;
        this.ledger = ledger;
        this.longest = longest;
        this.random = new Random(seed);
    }

    /** Runs one transaction to its end. If this throws, its outcome may be unknown, and it may still be open. */
    void transaction(Connection connection) throws SQLException {
        int shape = random.nextInt(100);
        List<OutboxEntry> kept;
        if (shape < 40) {
            kept = single(connection);
        } else if (shape < 55) {
            kept = multiRow(connection);
        } else if (shape < 70) {
            kept = copy(connection);
        } else if (shape < 80) {
            kept = interleaved(connection);
        } else if (shape < 90) {
            kept = withSavepoint(connection);
        } else {
            multiRow(connection);
            connection.rollback();
            return;
        }
        connection.commit();
        ledger.acknowledge(kept.stream().map(OutboxEntry::eventId).toList());
    }

    private List<OutboxEntry> single(Connection connection) throws SQLException {
        List<OutboxEntry> entries = draw(connection, someAggregates(1), 1);
        inserts.insert(connection, entries);
        return entries;
    }

    private List<OutboxEntry> multiRow(Connection connection) throws SQLException {
        List<OutboxEntry> entries = draw(connection, someAggregates(3), 1 + random.nextInt(5));
        inserts.insert(connection, entries);
        return entries;
    }

    private List<OutboxEntry> copy(Connection connection) throws SQLException {
        List<OutboxEntry> entries = draw(connection, someAggregates(4), 1 + random.nextInt(15));
        inserts.copy(connection, entries);
        return entries;
    }

    /** Stays open while others write and commit, and comes back to each of its aggregates. */
    private List<OutboxEntry> interleaved(Connection connection) throws SQLException {
        List<String> aggregates = someAggregates(5);
        List<OutboxEntry> entries = new ArrayList<>();
        int rounds = 2 + random.nextInt(3);
        for (int round = 0; round < rounds; round++) {
            for (String aggregate : aggregates) {
                List<OutboxEntry> drawn = draw(connection, List.of(aggregate), 1);
                inserts.insert(connection, drawn);
                entries.addAll(drawn);
            }
            linger(connection, random.nextInt(LONG_TRANSACTION_MAX_MILLIS));
        }
        if (!longest.isZero() && random.nextInt(VERY_LONG_ONE_IN) == 0) {
            linger(connection, random.nextInt((int) longest.toMillis()));
        }
        return entries;
    }

    /** Its middle part is rolled back. The aggregates are locked before, so none is released with that part. */
    private List<OutboxEntry> withSavepoint(Connection connection) throws SQLException {
        List<String> aggregates = someAggregates(3);
        List<OutboxEntry> entries = new ArrayList<>(draw(connection, aggregates, 1));
        inserts.insert(connection, entries);
        Savepoint savepoint = connection.setSavepoint();
        inserts.insert(connection, draw(connection, aggregates, 2));
        connection.rollback(savepoint);
        List<OutboxEntry> last = draw(connection, aggregates, 1);
        inserts.copy(connection, last);
        entries.addAll(last);
        return entries;
    }

    /** New events of these aggregates, noted in the truth, in an order that mixes the aggregates. */
    private List<OutboxEntry> draw(Connection connection, List<String> aggregates, int eventsOfEach)
            throws SQLException {
        pace.await(aggregates.size() * eventsOfEach);
        List<Long> firstVersions = new ArrayList<>();
        for (String aggregate : aggregates) {
            firstVersions.add(Truth.takeVersions(connection, aggregate, eventsOfEach));
        }
        List<OutboxEntry> entries = new ArrayList<>();
        for (int event = 0; event < eventsOfEach; event++) {
            for (int i = 0; i < aggregates.size(); i++) {
                String eventId = new UUID(random.nextLong(), random.nextLong()).toString();
                ledger.attempt(eventId);
                entries.add(new OutboxEntry(eventId, aggregates.get(i), firstVersions.get(i) + event));
            }
        }
        Truth.note(connection, entries);
        return entries;
    }

    /** From one to so many, sorted. */
    private List<String> someAggregates(int atMost) {
        TreeSet<String> some = new TreeSet<>();
        int count = 1 + random.nextInt(atMost);
        for (int i = 0; i < count; i++) {
            some.add(aggregateIds.get(random.nextInt(aggregateIds.size())));
        }
        return List.copyOf(some);
    }

    private static void linger(Connection connection, int millis) throws SQLException {
        try (PreparedStatement sleep = connection.prepareStatement("SELECT pg_sleep(?)")) {
            sleep.setDouble(1, millis / 1000.0);
            sleep.execute();
        }
    }
}
