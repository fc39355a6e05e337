package io.outboxrelay.postgres;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

import io.outboxrelay.api.DatabaseTimeouts;
import io.outboxrelay.api.OutboxDatabase;
import io.outboxrelay.api.OutboxEvent;
import io.outboxrelay.schema.Identifier;
import io.outboxrelay.schema.OutboxTable;

/**
 * The rows of the outbox that are older than a new slot, and unsent: what the slot's snapshot sees. Holds a transaction
 * open until it is closed, on a connection of its own. Used by one thread at a time.
 */
public final class Snapshot implements AutoCloseable {

    private final OutboxDatabase database;
    private final Connection connection;

    /** What is still to be read: detached partitions, which the outbox shows no more, then the outbox. */
    private Deque<OutboxDatabase> tables;

    private OutboxRows rows;
    private long last = Long.MIN_VALUE;

    private Snapshot(OutboxDatabase database, Connection connection) {
        this.database = database;
        this.connection = connection;
    }

    /** Imports the snapshot of a slot that was just made. */
    static Snapshot of(OutboxDatabase database, NewSlot slot) throws SQLException {
        Connection connection = DirectConnection.open(
                database.address(),
                properties -> properties.setProperty(
                        "socketTimeout",
                        DatabaseTimeouts.seconds(database.address().timeouts().handOver())));
        try (Statement statement = connection.createStatement()) {
            // Delivery may keep it waiting for hours. Not every version knows all of them.
            statement.execute("SELECT set_config(name, '0', false) FROM pg_settings WHERE name IN"
                    + " ('statement_timeout', 'idle_in_transaction_session_timeout', 'transaction_timeout')");
            connection.setAutoCommit(false);
            statement.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY");
            statement.execute("SET TRANSACTION SNAPSHOT '" + slot.snapshot() + "'");
            return new Snapshot(database, connection);
        } catch (SQLException | RuntimeException e) {
            connection.close();
            throw e;
        }
    }

    /** Whether it sees an unsent row, or a partition that the outbox shows no more. */
    boolean seesRows() throws SQLException {
        if (hasRows(connection, database)) {
            return true;
        }
        // In this order: a partition that is detached in between was seen empty.
        try (Connection now = database.dataSource().getConnection()) {
            return !Partitions.detached(now, database).isEmpty();
        }
    }

    /** Whether the table has a row that is not marked as sent. */
    static boolean hasRows(Connection connection, OutboxDatabase database) throws SQLException {
        try (Statement statement = connection.createStatement();
                ResultSet row = statement.executeQuery(
                        "SELECT EXISTS (SELECT FROM " + database.table().quoted() + " WHERE "
                                + database.afterDelivery().unsent() + ")")) {
            return row.next() && row.getBoolean(1);
        }
    }

    /**
     * Reads the next rows, in the order of {@code seq}, which the table must have. What has left the table since the
     * snapshot was taken is left out: the source that read the table meanwhile has sent it.
     *
     * @return empty at the end
     */
    public List<OutboxEvent> next(int maxRows, long maxBytes) throws SQLException {
        if (tables == null) {
            tables = tables();
        }
        while (!tables.isEmpty()) {
            if (rows == null) {
                rows = new OutboxRows(tables.peek());
                last = Long.MIN_VALUE;
            }
            List<OutboxEvent> page = rows.read(
                    connection, OutboxRows.Page.first(maxRows, maxBytes).after(last));
            if (page.isEmpty()) {
                tables.remove();
                rows = null;
                continue;
            }
            last = SeqPosition.of(page.get(page.size() - 1));
            List<OutboxEvent> unsent = stillUnsent(tables.peek(), page);
            if (!unsent.isEmpty()) {
                return unsent;
            }
        }
        return List.of();
    }

    private Deque<OutboxDatabase> tables() throws SQLException {
        Deque<OutboxDatabase> found = new ArrayDeque<>();
        try (Connection now = database.dataSource().getConnection()) {
            for (OutboxTable partition : Partitions.detached(now, database)) {
                found.add(database.with(partition));
            }
        }
        found.add(database);
        return found;
    }

    private List<OutboxEvent> stillUnsent(OutboxDatabase from, List<OutboxEvent> page) throws SQLException {
        if (!from.afterDelivery().tableIsQueue()) {
            return page;
        }
        String seq = Identifier.quote(from.table().columns().seq().orElseThrow());
        Set<Long> still = new HashSet<>();
        try (Connection now = from.dataSource().getConnection();
                PreparedStatement query = now.prepareStatement(
                        "SELECT " + seq + " FROM " + from.table().quoted() + " WHERE "
                                + from.afterDelivery().unsent() + " AND " + seq + " = ANY (?)")) {
            query.setArray(
                    1,
                    now.createArrayOf(
                            "bigint", page.stream().map(SeqPosition::of).toArray()));
            try (ResultSet row = query.executeQuery()) {
                while (row.next()) {
                    still.add(row.getLong(1));
                }
            }
        }
        return page.stream()
                .filter(event -> still.contains(SeqPosition.of(event)))
                .toList();
    }

    /** Ends the transaction. */
    @Override
    public void close() throws SQLException {
        connection.close();
    }
}
