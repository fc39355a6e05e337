package io.outboxrelay.postgres;

import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;

/**
 * Which log an LSN belongs to. LSNs of different systems cannot be compared.
 *
 * @param systemIdentifier of the cluster, and of every physical copy of it; {@code pg_upgrade} and {@code initdb} give a
 *     new one
 * @param timeline grows with every promotion and point-in-time recovery
 */
public record ServerIdentity(long systemIdentifier, int timeline) {

    /**
     * Asks the server. Both functions are open to every role unless somebody revoked them. The timeline is that of the
     * log file that is being written: {@code pg_control_checkpoint()} still tells the old one for a while after a
     * promotion.
     *
     * @throws SQLException if the server cannot be asked, or is a standby
     */
    public static ServerIdentity read(Connection connection) throws SQLException {
        try (Statement statement = connection.createStatement();
                ResultSet row = statement.executeQuery("SELECT system_identifier,"
                        + " ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int"
                        + " FROM pg_control_system()")) {
            row.next();
            return new ServerIdentity(row.getLong(1), row.getInt(2));
        }
    }
}
