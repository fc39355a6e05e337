package io.outboxrelay.postgres;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.util.Optional;

/**
 * The server's process that streams, at one moment.
 *
 * @param lastReply when it last read an answer of ours, by its clock
 * @param isComputing whether it waits for nothing but its disk, as while it decodes a large transaction
 */
record Walsender(Optional<String> lastReply, boolean isComputing) {

    /** Empty if there is none with that pid. */
    static Optional<Walsender> read(Connection connection, int pid) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(
                "SELECT r.reply_time::text, coalesce(a.wait_event_type, 'IO') = 'IO' AND a.state IS NOT NULL"
                        + " FROM pg_stat_replication r JOIN pg_stat_activity a USING (pid) WHERE pid = ?")) {
            statement.setInt(1, pid);
            try (ResultSet row = statement.executeQuery()) {
                return row.next()
                        ? Optional.of(new Walsender(Optional.ofNullable(row.getString(1)), row.getBoolean(2)))
                        : Optional.empty();
            }
        }
    }

    /** Whether it has done anything since the earlier look. */
    boolean isAtWork(Walsender earlier) {
        return isComputing || !lastReply.equals(earlier.lastReply);
    }

    /**
     * Ends the one that holds the slot, if a session of the same role and that name began it within that time: where nothing
     * has told its pid.
     */
    static void terminateOpening(Connection connection, String slot, String application, Duration within)
            throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(
                "SELECT pg_terminate_backend(a.pid) FROM pg_replication_slots s"
                        + " JOIN pg_stat_activity a ON a.pid = s.active_pid"
                        + " WHERE s.slot_name = ? AND a.datname = current_database() AND a.usename = session_user"
                        + " AND a.application_name = ? AND a.backend_start >= clock_timestamp() - make_interval(secs => ?)")) {
            statement.setString(1, slot);
            statement.setString(2, application);
            statement.setDouble(3, within.toMillis() / 1000.0);
            statement.executeQuery().close();
        }
    }

    /** Ends it; its role may do that. A process that hangs ends once it runs again. */
    static void terminate(Connection connection, int pid) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_replication WHERE pid = ?")) {
            statement.setInt(1, pid);
            statement.executeQuery().close();
        }
    }
}
