package io.outboxrelay.postgres;

import java.sql.Array;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

import io.outboxrelay.api.AfterDelivery.Action;
import io.outboxrelay.api.CodedSqlException;
import io.outboxrelay.api.OutboxDatabase;
import io.outboxrelay.schema.Identifier;
import io.outboxrelay.schema.OutboxTable;

/**
 * Removes or marks rows by their keys, each time in a transaction of its own, and only under the right to read the outbox. It
 * ends with the server that it was got on: what was removed there before may be back on a server that was restored or
 * promoted, and removing later rows behind it would leave holes within an aggregate. Used by one thread.
 */
final class CleanupStatement {

    private static final String TYPE = """
            SELECT format_type(a.atttypid, -1)
            FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE n.nspname = ? AND c.relname = ? AND a.attname = ? AND NOT a.attisdropped""";

    /** The log tells a transaction's lower 32 bits, of which the newest numbers are the ones that can be meant. */
    private static final String OPEN = """
            SELECT x FROM unnest(?::bigint[]) AS x,
                (SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS next OFFSET 0) AS now
            WHERE pg_xact_status(
                (next + ((x - next + 2147483648) & 4294967295) - 2147483648)::text::xid8) = 'in progress'""";

    private final OutboxDatabase database;

    /** A row may be locked by the service; nothing waits for it for ever. */
    private final int timeoutSeconds;

    private final boolean flushed;
    private final boolean marks;
    private final String key;

    private String sql;

    /** @param flushed whether the server has flushed what was done when it answers */
    CleanupStatement(OutboxDatabase database, boolean flushed) {
        this.database = database;
        this.timeoutSeconds =
                Math.toIntExact(database.address().timeouts().statement().toSeconds());
        this.flushed = flushed;
        this.marks = database.afterDelivery().action() == Action.MARK;
        this.key = database.table()
                .columns()
                .seq()
                .orElse(database.table().columns().id());
    }

    /**
     * Removes or marks those rows.
     *
     * @param keys not empty, none null
     * @return how many there were
     * @throws CodedSqlException if the right has ended; then none was touched
     */
    int execute(List<?> keys) throws SQLException {
        try (Connection connection = database.dataSource().getConnection()) {
            database.right().require(connection);
            if (sql == null) {
                sql = sql(keyType(connection));
            }
            // Of their own types, since the driver sends such arrays in binary form.
            Array array = database.table().columns().seq().isPresent()
                    ? connection.createArrayOf("bigint", keys.toArray(Long[]::new))
                    : connection.createArrayOf("text", keys.toArray(String[]::new));
            try (PreparedStatement statement = connection.prepareStatement(sql)) {
                statement.setQueryTimeout(timeoutSeconds);
                statement.setArray(1, array);
                return statement.executeUpdate();
            } finally {
                array.free();
            }
        }
    }

    /**
     * Those of these transactions that are not over: what they wrote may be in the log, and is not seen by statements yet.
     *
     * @param transactions their lower 32 bits, as the log has them
     */
    Set<Long> open(Set<Long> transactions) throws SQLException {
        Set<Long> open = new HashSet<>();
        if (transactions.isEmpty()) {
            return open;
        }
        try (Connection connection = database.dataSource().getConnection();
                PreparedStatement query = connection.prepareStatement(OPEN)) {
            query.setQueryTimeout(timeoutSeconds);
            query.setArray(1, connection.createArrayOf("bigint", transactions.toArray()));
            try (ResultSet row = query.executeQuery()) {
                while (row.next()) {
                    open.add(row.getLong(1));
                }
            }
        }
        return open;
    }

    /** What is done, as a participle. */
    String verb() {
        return marks ? "marked" : "deleted";
    }

    /** The table's name. */
    @Override
    public String toString() {
        return database.table().toString();
    }

    /** The keys take the column's own type, so that its index is used. */
    private String sql(String keyType) {
        String table = database.table().quoted();
        String mark = Identifier.quote(database.afterDelivery().markColumn());
        // Evaluated once, before the first row; lasts until the end of this transaction, its commit included.
        String commit = "(SELECT set_config('synchronous_commit', '" + (flushed ? "on" : "off") + "', true)) <> ''";
        return (marks ? "UPDATE " + table + " SET " + mark + " = now()" : "DELETE FROM " + table) + " WHERE "
                + Identifier.quote(key) + " = ANY (?::" + keyType + "[])"
                + " AND " + database.afterDelivery().unsent() + " AND " + commit;
    }

    private String keyType(Connection connection) throws SQLException {
        OutboxTable table = database.table();
        try (PreparedStatement query = connection.prepareStatement(TYPE)) {
            query.setString(1, table.schema());
            query.setString(2, table.table());
            query.setString(3, key);
            try (ResultSet row = query.executeQuery()) {
                if (!row.next()) {
                    throw new SQLException(
                            "the table " + table + " has no column " + key + ", by which settled rows are found",
                            "42703");
                }
                return row.getString(1);
            }
        }
    }
}
