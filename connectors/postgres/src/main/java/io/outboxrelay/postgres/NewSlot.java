package io.outboxrelay.postgres;

import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.Properties;

import io.outboxrelay.api.DatabaseAddress;
import io.outboxrelay.schema.Identifier;

/**
 * A replication slot that was just created, with the snapshot of the database at exactly its beginning: what the snapshot
 * sees is not in the slot, and what it does not see is. The snapshot lives until this is closed; the slot stays.
 */
public final class NewSlot implements AutoCloseable {

    private final Connection connection;
    private final Lsn start;
    private final String snapshot;

    private NewSlot(Connection connection, Lsn start, String snapshot) {
        this.connection = connection;
        this.start = start;
        this.snapshot = snapshot;
    }

    /**
     * Creates a slot for {@value ReplicationSlot#PLUGIN}. The server waits until every transaction that was writing has
     * ended.
     *
     * @param atMost how long to wait for those transactions
     * @throws SQLException with state {@code 57014} if they had not ended by then: nothing was created
     */
    public static NewSlot create(DatabaseAddress address, String name, Duration atMost) throws SQLException {
        Connection connection = connect(address);
        try (Statement statement = connection.createStatement()) {
            statement.setQueryTimeout((int) Math.max(1, atMost.toSeconds()));
            // The old spelling of (SNAPSHOT 'export'), which Postgres 14 does not know.
            try (ResultSet row = statement.executeQuery("CREATE_REPLICATION_SLOT " + Identifier.quote(name)
                    + " LOGICAL " + ReplicationSlot.PLUGIN + " EXPORT_SNAPSHOT")) {
                row.next();
                return new NewSlot(
                        connection, Lsn.parse(row.getString("consistent_point")), row.getString("snapshot_name"));
            }
        } catch (SQLException | RuntimeException e) {
            connection.close();
            throw e;
        }
    }

    private static Connection connect(DatabaseAddress address) throws SQLException {
        Properties properties = new Properties();
        properties.putAll(address.properties());
        properties.setProperty("user", address.user());
        properties.setProperty("password", address.password());
        // Commands of the replication protocol are understood in simple mode alone.
        properties.setProperty("replication", "database");
        properties.setProperty("preferQueryMode", "simple");
        properties.setProperty("assumeMinServerVersion", "14");
        String host = address.host().contains(":") ? "[" + address.host() + "]" : address.host();
        return DriverManager.getConnection(
                "jdbc:postgresql://" + host + ":" + address.port() + "/"
                        + URLEncoder.encode(address.name(), StandardCharsets.UTF_8),
                properties);
    }

    /** Where the slot begins. */
    public Lsn start() {
        return start;
    }

    /** For {@code SET TRANSACTION SNAPSHOT} in a repeatable-read transaction. */
    public String snapshot() {
        return snapshot;
    }

    /** Ends the snapshot. */
    @Override
    public void close() throws SQLException {
        connection.close();
    }
}
