package io.outboxrelay.postgres;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

import io.outboxrelay.schema.Identifier;
import io.outboxrelay.schema.OutboxTable;

/**
 * The rows of {@code outbox_relay_partition}: partitions of one outbox that the relay began to detach, until it has
 * dropped them. Each names its table by number and by name; where the two disagree, the table is somebody else's.
 */
final class DetachedPartitions {

    /** What the catalog says of a recorded table. */
    enum State {
        /** A partition as before: the DETACH was not begun, or somebody attached it again. */
        ATTACHED,
        /** The DETACH was begun and interrupted, or goes on. */
        DETACHING,
        /** A table of its own. */
        DETACHED,
        /** There is no such table any more. */
        GONE,
        /** Another table under the name, another name for the table, or a partition of another one. */
        FOREIGN
    }

    /**
     * A recorded partition.
     *
     * @param name as {@code schema.table}
     * @param oid the number of its table
     * @param table where it is, under the columns of the outbox
     * @param state what the catalog says
     * @param detached where the log was after it was detached; empty if that is not known yet
     */
    record Entry(String name, long oid, OutboxTable table, State state, Optional<Lsn> detached) {}

    private static final String ENTRIES = """
            SELECT r.partition, r.table_oid, r.detached_lsn::text, n.nspname, c.relname,
                   CASE WHEN c.oid IS NULL
                             THEN CASE WHEN EXISTS (SELECT FROM pg_class o JOIN pg_namespace m ON m.oid = o.relnamespace
                                                    WHERE m.nspname || '.' || o.relname = r.partition)
                                       THEN 'FOREIGN' ELSE 'GONE' END
                        WHEN n.nspname || '.' || c.relname <> r.partition OR c.relkind NOT IN ('r', 'p') THEN 'FOREIGN'
                        WHEN NOT c.relispartition THEN 'DETACHED'
                        WHEN i.inhparent IS DISTINCT FROM root.oid THEN 'FOREIGN'
                        WHEN i.inhdetachpending THEN 'DETACHING'
                        ELSE 'ATTACHED' END
            FROM {records} r
            LEFT JOIN pg_class c ON c.oid = r.table_oid
            LEFT JOIN pg_namespace n ON n.oid = c.relnamespace
            LEFT JOIN pg_inherits i ON i.inhrelid = c.oid
            LEFT JOIN (SELECT t.oid FROM pg_class t JOIN pg_namespace s ON s.oid = t.relnamespace
                       WHERE s.nspname = ? AND t.relname = ?) root ON true
            WHERE r.outbox = ?
            ORDER BY r.detached_lsn NULLS LAST, r.table_oid""";

    private final OutboxTable outbox;
    private final String records;

    DetachedPartitions(OutboxTable outbox) {
        this.outbox = outbox;
        this.records = Identifier.quote(outbox.schema()) + ".outbox_relay_partition";
    }

    /** In the order in which they were detached. */
    List<Entry> entries(Connection connection) throws SQLException {
        List<Entry> entries = new ArrayList<>();
        try (PreparedStatement query = connection.prepareStatement(ENTRIES.replace("{records}", records))) {
            query.setString(1, outbox.schema());
            query.setString(2, outbox.table());
            query.setString(3, outbox.toString());
            try (ResultSet row = query.executeQuery()) {
                while (row.next()) {
                    State state = State.valueOf(row.getString(6));
                    OutboxTable table = row.getString(4) == null
                            ? outbox
                            : new OutboxTable(row.getString(4), row.getString(5), outbox.columns());
                    entries.add(new Entry(
                            row.getString(1),
                            row.getLong(2),
                            table,
                            state,
                            Optional.ofNullable(row.getString(3)).map(Lsn::parse)));
                }
            }
        }
        return entries;
    }

    /**
     * Before the DETACH, so that a partition which is detached is always recorded. A record of another table under that
     * name is of the past: the name is the partition's now.
     */
    void begin(Connection connection, PartitionedOutbox.Partition partition) throws SQLException {
        update(
                connection,
                "INSERT INTO " + records + " (outbox, partition, table_oid) VALUES (?, ?, ?)"
                        + " ON CONFLICT (outbox, partition) DO UPDATE"
                        + " SET table_oid = excluded.table_oid, detached_lsn = NULL",
                outbox.toString(),
                partition.toString(),
                partition.oid());
    }

    /** After it: no transaction that could write to the table commits behind this place in the log. */
    void note(Connection connection, Entry entry) throws SQLException {
        update(
                connection,
                "UPDATE " + records + " SET detached_lsn = pg_current_wal_insert_lsn()"
                        + " WHERE outbox = ? AND partition = ? AND table_oid = ? AND detached_lsn IS NULL",
                outbox.toString(),
                entry.name(),
                entry.oid());
    }

    void forget(Connection connection, Entry entry) throws SQLException {
        update(
                connection,
                "DELETE FROM " + records + " WHERE outbox = ? AND partition = ? AND table_oid = ?",
                outbox.toString(),
                entry.name(),
                entry.oid());
    }

    /**
     * Drops the table and its record in one transaction, if it is still the one that was detached.
     *
     * @param onlyIfEmpty leave it if it holds a row
     * @return whether it was dropped
     */
    boolean drop(Connection connection, Entry entry, boolean onlyIfEmpty) throws SQLException {
        String quoted = entry.table().quoted();
        connection.setAutoCommit(false);
        try (Statement statement = connection.createStatement()) {
            statement.execute("LOCK TABLE " + quoted + " IN ACCESS EXCLUSIVE MODE");
            boolean same;
            try (PreparedStatement query = connection.prepareStatement(
                    "SELECT NOT relispartition FROM pg_class WHERE oid = ? AND oid = to_regclass(?)")) {
                query.setLong(1, entry.oid());
                query.setString(2, quoted);
                try (ResultSet row = query.executeQuery()) {
                    same = row.next() && row.getBoolean(1);
                }
            }
            if (!same || (onlyIfEmpty && holdsRows(connection, quoted))) {
                return false;
            }
            statement.execute("DROP TABLE " + quoted);
            forget(connection, entry);
            connection.commit();
            return true;
        } finally {
            // Undoes what was not committed; on a broken connection neither matters.
            if (!connection.isClosed()) {
                connection.rollback();
                connection.setAutoCommit(true);
            }
        }
    }

    static boolean holdsRows(Connection connection, String quoted) throws SQLException {
        try (Statement statement = connection.createStatement();
                ResultSet row = statement.executeQuery("SELECT EXISTS (SELECT FROM " + quoted + ")")) {
            row.next();
            return row.getBoolean(1);
        }
    }

    private static void update(Connection connection, String sql, Object... parameters) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(sql)) {
            for (int i = 0; i < parameters.length; i++) {
                statement.setObject(i + 1, parameters[i]);
            }
            statement.executeUpdate();
        }
    }
}
