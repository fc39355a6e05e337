package io.outboxrelay.postgres;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.OffsetDateTime;
import java.util.Optional;

/**
 * The state of one replication slot at one moment.
 *
 * @param name its name, unique on the server
 * @param plugin the output plugin; empty for a physical slot
 * @param database the database that it decodes; empty for a physical slot
 * @param activePid the backend that streams from it
 * @param restart the oldest log that it keeps; empty once it is lost
 * @param confirmed where the next reader goes on: every transaction that ended up to here is never sent again
 * @param walStatus {@code reserved}, {@code extended}, {@code unreserved} or {@code lost}; empty if the server does not tell
 * @param invalidation why the server gave it up; empty while it is valid, and always before Postgres 17
 */
public record ReplicationSlot(
        String name,
        Optional<String> plugin,
        Optional<String> database,
        Optional<Integer> activePid,
        Optional<Lsn> restart,
        Optional<Lsn> confirmed,
        Optional<String> walStatus,
        Optional<String> invalidation) {

    /** The one plugin that the relay reads; it is part of Postgres. */
    public static final String PLUGIN = "pgoutput";

    /** {@code ERRCODE_OBJECT_IN_USE}: the slot is active, or the database has sessions. */
    public static final String IN_USE = "55006";

    /**
     * Who streams from a slot.
     *
     * @param pid the backend
     * @param application what it calls itself
     * @param address where it comes from; empty for a local socket, or without the right to know
     * @param since when it connected; empty without the right to know
     */
    public record Holder(int pid, String application, Optional<String> address, Optional<OffsetDateTime> since) {

        /** For a log line. */
        @Override
        public String toString() {
            return "backend " + pid
                    + (application.isEmpty() ? "" : " (" + application + ")")
                    + address.map(from -> " from " + from).orElse("")
                    + since.map(start -> ", connected since " + start).orElse("");
        }
    }

    /** Reads the slot of that name, if there is one. */
    public static Optional<ReplicationSlot> read(Connection connection, String name) throws SQLException {
        // to_jsonb, since the column does not exist before Postgres 17.
        try (PreparedStatement statement =
                connection.prepareStatement("SELECT plugin, database, active_pid, restart_lsn::text,"
                        + " confirmed_flush_lsn::text, wal_status, to_jsonb(s) ->> 'invalidation_reason'"
                        + " FROM pg_replication_slots s WHERE slot_name = ?")) {
            statement.setString(1, name);
            try (ResultSet row = statement.executeQuery()) {
                if (!row.next()) {
                    return Optional.empty();
                }
                return Optional.of(new ReplicationSlot(
                        name,
                        Optional.ofNullable(row.getString(1)),
                        Optional.ofNullable(row.getString(2)),
                        Optional.ofNullable(row.getObject(3, Integer.class)),
                        Optional.ofNullable(row.getString(4)).map(Lsn::parse),
                        Optional.ofNullable(row.getString(5)).map(Lsn::parse),
                        Optional.ofNullable(row.getString(6)),
                        Optional.ofNullable(row.getString(7))));
            }
        }
    }

    /** Who streams from it, as far as the role may know; empty if nobody does. */
    public Optional<Holder> holder(Connection connection) throws SQLException {
        if (activePid.isEmpty()) {
            return Optional.empty();
        }
        try (PreparedStatement statement =
                connection.prepareStatement("SELECT coalesce(application_name, ''), host(client_addr), backend_start"
                        + " FROM pg_stat_activity WHERE pid = ?")) {
            statement.setInt(1, activePid.get());
            try (ResultSet row = statement.executeQuery()) {
                return Optional.of(
                        row.next()
                                ? new Holder(
                                        activePid.get(),
                                        row.getString(1),
                                        Optional.ofNullable(row.getString(2)),
                                        Optional.ofNullable(row.getObject(3, OffsetDateTime.class)))
                                : new Holder(activePid.get(), "", Optional.empty(), Optional.empty()));
            }
        }
    }

    /** Whether the server has thrown away log that a reader of the slot would need. Such a slot never comes back. */
    public boolean isLost() {
        return walStatus.filter("lost"::equals).isPresent() || invalidation.isPresent();
    }

    /**
     * Moves the slot forward, to the end of a transaction whose rows, and all before them, are settled. Nobody may be
     * streaming from it. Does nothing if it is there already.
     *
     * @throws SQLException with state {@link #IN_USE} while somebody streams
     */
    public static void advance(Connection connection, String name, Lsn to) throws SQLException {
        try (PreparedStatement statement =
                connection.prepareStatement("SELECT pg_replication_slot_advance(slot_name, ?::pg_lsn)"
                        + " FROM pg_replication_slots WHERE slot_name = ? AND confirmed_flush_lsn < ?::pg_lsn")) {
            statement.setString(1, to.toString());
            statement.setString(2, name);
            statement.setString(3, to.toString());
            statement.executeQuery().close();
        }
    }

    /**
     * Ends the session that streams from the slot, if it is still the one that was seen. Returns before it has ended.
     *
     * @throws SQLException if the role may not: it may end the sessions of its own role
     */
    void endReader(Connection connection) throws SQLException {
        try (PreparedStatement statement =
                connection.prepareStatement("SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots"
                        + " WHERE slot_name = ? AND active_pid = ?")) {
            statement.setString(1, name);
            statement.setInt(2, activePid.orElseThrow());
            statement.executeQuery().close();
        }
    }

    /** Removes the slot. */
    public static void drop(Connection connection, String name) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement("SELECT pg_drop_replication_slot(?)")) {
            statement.setString(1, name);
            statement.executeQuery().close();
        }
    }
}
