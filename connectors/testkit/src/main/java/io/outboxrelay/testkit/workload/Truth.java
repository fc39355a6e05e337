package io.outboxrelay.testkit.workload;

import java.sql.Array;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Function;

import io.outboxrelay.testkit.history.Digest;
import io.outboxrelay.testkit.history.Reference;
import io.outboxrelay.testkit.history.Written;

/**
 * What was committed, and in which order, by the database's own word. A writer takes the aggregate's next versions by
 * updating the aggregate's row, before it writes to the outbox. It holds that row's lock until its transaction has
 * committed, so versions follow commits; they vanish with a rolled-back transaction, so there are no gaps.
 */
final class Truth {

    private Truth() {}

    /** Creates the tables, in a schema of their own. */
    static void create(Connection connection, List<String> aggregateIds) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            statement.execute("""
                    CREATE SCHEMA truth;
                    CREATE TABLE truth.aggregate (id text PRIMARY KEY, version bigint NOT NULL DEFAULT 0);
                    CREATE TABLE truth.event (
                      event_id text PRIMARY KEY,
                      aggregate_id text NOT NULL,
                      version bigint NOT NULL,
                      digest text NOT NULL,
                      UNIQUE (aggregate_id, version));
                    """);
        }
        try (PreparedStatement insert =
                connection.prepareStatement("INSERT INTO truth.aggregate (id) SELECT unnest(?::text[])")) {
            insert.setArray(1, connection.createArrayOf("text", aggregateIds.toArray()));
            insert.execute();
        }
    }

    /** Locks the aggregate for the rest of the transaction and takes its next versions; returns the first of them. */
    static long takeVersions(Connection connection, String aggregateId, int count) throws SQLException {
        try (PreparedStatement update = connection.prepareStatement(
                "UPDATE truth.aggregate SET version = version + ? WHERE id = ? RETURNING version")) {
            update.setInt(1, count);
            update.setString(2, aggregateId);
            try (ResultSet row = update.executeQuery()) {
                row.next();
                return row.getLong(1) - count + 1;
            }
        }
    }

    /** Notes events, in the transaction that writes them to the outbox. */
    static void note(Connection connection, List<OutboxEntry> entries) throws SQLException {
        try (PreparedStatement insert =
                connection.prepareStatement("INSERT INTO truth.event (event_id, aggregate_id, version, digest)"
                        + " SELECT * FROM unnest(?::text[], ?::text[], ?::bigint[], ?::text[])")) {
            insert.setArray(1, array(connection, "text", entries, OutboxEntry::eventId));
            insert.setArray(2, array(connection, "text", entries, OutboxEntry::aggregateId));
            insert.setArray(3, array(connection, "bigint", entries, OutboxEntry::version));
            insert.setArray(4, array(connection, "text", entries, entry -> Digest.of(entry.payload())));
            insert.execute();
        }
    }

    /**
     * Reads it all. No writer's session may be left.
     *
     * @throws IllegalStateException if an acknowledged event is missing: then the database has lost it, not the relay
     */
    static Reference read(Connection connection, Ledger ledger) throws SQLException {
        Map<String, List<Written>> committed = new TreeMap<>();
        Set<String> rolledBack = new HashSet<>(ledger.attempted());
        Set<String> missing = new HashSet<>(ledger.acknowledged());
        try (Statement statement = connection.createStatement();
                ResultSet rows = statement.executeQuery(
                        "SELECT aggregate_id, event_id, digest FROM truth.event ORDER BY aggregate_id, version")) {
            while (rows.next()) {
                String eventId = rows.getString("event_id");
                committed
                        .computeIfAbsent(rows.getString("aggregate_id"), key -> new ArrayList<>())
                        .add(new Written(eventId, rows.getString("digest")));
                rolledBack.remove(eventId);
                missing.remove(eventId);
            }
        }
        if (!missing.isEmpty()) {
            throw new IllegalStateException(
                    "Postgres confirmed the commit of " + missing.size() + " events that it no longer has, one of them "
                            + missing.iterator().next());
        }
        return new Reference(committed, rolledBack);
    }

    private static Array array(
            Connection connection, String type, List<OutboxEntry> entries, Function<OutboxEntry, Object> value)
            throws SQLException {
        return connection.createArrayOf(type, entries.stream().map(value).toArray());
    }
}
