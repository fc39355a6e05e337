package io.outboxrelay.postgres;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Set;
import java.util.TreeMap;

import io.outboxrelay.api.OutboxDatabase;
import io.outboxrelay.schema.Identifier;

/**
 * The oldest unsent rows of the table: since when each of them is seen, and where the log ended by then. For one thread.
 *
 * @see Audit
 */
final class Sightings {

    private final String look;
    private final String again;

    private NavigableMap<Long, Sighting> oldest = new TreeMap<>();

    /**
     * One row.
     *
     * @param version changes when the row is written again, also when it is deleted and put back under its number
     * @param log where the log ended when the row was first seen: its commit lies before
     * @param nanos when the row was first seen
     */
    private record Sighting(String version, Lsn log, long nanos) {}

    Sightings(OutboxDatabase database) {
        String seq = Identifier.quote(database.table().columns().seq().orElseThrow());
        String from = " FROM " + database.table().quoted() + " WHERE "
                + database.afterDelivery().unsent();
        // A commit writes the log before others see its rows, and a statement computes after it has taken its snapshot:
        // so the log's end, which is computed for each row, lies behind the row's commit. The limit of a
        // subquery keeps the planner on the index, whatever it knows of the table.
        this.look = "SELECT " + seq + ", xmin::text, pg_current_wal_insert_lsn()::text" + from + " ORDER BY " + seq
                + " LIMIT (SELECT ?::bigint)";
        this.again = "SELECT " + seq + ", xmin::text" + from + " AND " + seq + " = ANY (?)";
    }

    /**
     * Looks at the oldest unsent rows.
     *
     * @param except rows that do not count, by {@code seq}
     * @param count of how many others
     */
    void look(Connection connection, Set<Long> except, int count) throws SQLException {
        long now = System.nanoTime();
        NavigableMap<Long, Sighting> seen = new TreeMap<>();
        try (PreparedStatement query = connection.prepareStatement(look)) {
            query.setInt(1, count + except.size());
            try (ResultSet row = query.executeQuery()) {
                while (row.next()) {
                    long seq = row.getLong(1);
                    String version = row.getString(2);
                    if (!except.contains(seq)) {
                        Sighting before = oldest.get(seq);
                        boolean known = before != null && before.version.equals(version);
                        seen.put(seq, known ? before : new Sighting(version, Lsn.parse(row.getString(3)), now));
                    }
                }
            }
        }
        oldest = seen;
    }

    /** How many rows the last look saw. */
    int count() {
        return oldest.size();
    }

    /**
     * The rows, oldest first, that were there for so long and in the last look still, and that lie before this position. It
     * must have been taken before the last look: what was settled up to there was gone or marked by then.
     */
    List<Long> missed(Lsn settled, Duration after) {
        long now = System.nanoTime();
        return oldest.entrySet().stream()
                .filter(row -> now - row.getValue().nanos >= after.toNanos())
                .filter(row -> !row.getValue().log.isAfter(settled))
                .map(Map.Entry::getKey)
                .toList();
    }

    /** Those of these rows that are still there, unsent and unchanged since the last look. */
    List<Long> still(Connection connection, Collection<Long> rows) throws SQLException {
        try (PreparedStatement query = connection.prepareStatement(again)) {
            query.setArray(1, connection.createArrayOf("bigint", rows.toArray()));
            NavigableMap<Long, String> found = new TreeMap<>();
            try (ResultSet row = query.executeQuery()) {
                while (row.next()) {
                    found.put(row.getLong(1), row.getString(2));
                }
            }
            return found.entrySet().stream()
                    .filter(row -> row.getValue().equals(oldest.get(row.getKey()).version))
                    .map(Map.Entry::getKey)
                    .toList();
        }
    }

    /** The rows of the last look that lie between these two and are none of these. */
    List<Long> between(long first, long last, Collection<Long> except) {
        return oldest.subMap(first, true, last, true).keySet().stream()
                .filter(seq -> !except.contains(seq))
                .toList();
    }
}
