package io.outboxrelay.postgres;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.Locale;
import java.util.Optional;

import io.outboxrelay.schema.Identifier;
import io.outboxrelay.schema.OutboxTable;

/**
 * The row beside the slot, in the table {@value #TABLE} of the outbox's schema. It is written before the slot moves, so a
 * slot that is ahead of it was moved, or made, by somebody else.
 *
 * @param slot the slot that was read
 * @param server whose log it was
 * @param settled every transaction that ended up to here is settled
 * @param phase what the relay was doing
 */
public record Checkpoint(String slot, ServerIdentity server, Lsn settled, Phase phase) {

    /** The table's name. */
    public static final String TABLE = "outbox_relay_checkpoint";

    /** What a relay that starts must go on with. */
    public enum Phase {
        /** A snapshot of the table is being sent; the slot alone is not the whole truth yet. */
        HANDOVER,
        /** The log is read. */
        STREAMING
    }

    /** Reads the row of that outbox, if there is one. */
    public static Optional<Checkpoint> read(Connection connection, OutboxTable outbox) throws SQLException {
        try (PreparedStatement statement =
                connection.prepareStatement("SELECT slot, system_identifier, timeline, settled_lsn::text, phase FROM "
                        + quotedTable(outbox) + " WHERE outbox = ?")) {
            statement.setString(1, outbox.toString());
            try (ResultSet row = statement.executeQuery()) {
                if (!row.next()) {
                    return Optional.empty();
                }
                return Optional.of(new Checkpoint(
                        row.getString(1),
                        new ServerIdentity(row.getLong(2), row.getInt(3)),
                        Lsn.parse(row.getString(4)),
                        Phase.valueOf(row.getString(5).toUpperCase(Locale.ROOT))));
            }
        }
    }

    /** Whether another outbox of the schema is read from the slot of that name. */
    static boolean isOfAnother(Connection connection, OutboxTable outbox, String slot) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(
                "SELECT EXISTS (SELECT FROM " + quotedTable(outbox) + " WHERE slot = ? AND outbox <> ?)")) {
            statement.setString(1, slot);
            statement.setString(2, outbox.toString());
            try (ResultSet row = statement.executeQuery()) {
                return row.next() && row.getBoolean(1);
            }
        }
    }

    /**
     * Writes the row, durably whatever the role's {@code synchronous_commit}, in a transaction of its own: the connection
     * must be in auto-commit mode. A row that is further on already stays there.
     *
     * <p>The phase changes only at the very place where the row stands: that is how a hand-over ends. So a relay that was
     * taken for dead does not overwrite what another one has begun.
     *
     * @return false if nothing was written, because the row belongs to another server system, or another relay has begun a
     *     hand-over
     */
    public boolean write(Connection connection, OutboxTable outbox) throws SQLException {
        return execute(
                connection,
                outbox,
                "settled_lsn = greatest(mine.settled_lsn, EXCLUDED.settled_lsn)",
                "mine.system_identifier = EXCLUDED.system_identifier"
                        + " AND (mine.phase = EXCLUDED.phase OR mine.settled_lsn = EXCLUDED.settled_lsn)");
    }

    /** Writes the row as {@link #write} does, over whatever is there. */
    void overwrite(Connection connection, OutboxTable outbox) throws SQLException {
        execute(
                connection,
                outbox,
                "settled_lsn = EXCLUDED.settled_lsn, system_identifier = EXCLUDED.system_identifier",
                "true");
    }

    private boolean execute(Connection connection, OutboxTable outbox, String more, String where) throws SQLException {
        // One round trip: set_config lasts until the end of this statement's transaction, its commit included.
        try (PreparedStatement statement = connection.prepareStatement("INSERT INTO " + quotedTable(outbox)
                + " AS mine (outbox, slot, system_identifier, timeline, settled_lsn, phase)"
                + " SELECT ?, ?, ?, ?, ?::pg_lsn, ? FROM set_config('synchronous_commit', 'on', true)"
                + " ON CONFLICT (outbox) DO UPDATE SET slot = EXCLUDED.slot, timeline = EXCLUDED.timeline,"
                + " phase = EXCLUDED.phase, updated_at = now(), " + more + " WHERE " + where)) {
            statement.setString(1, outbox.toString());
            statement.setString(2, slot);
            statement.setLong(3, server.systemIdentifier());
            statement.setInt(4, server.timeline());
            statement.setString(5, settled.toString());
            statement.setString(6, phase.name().toLowerCase(Locale.ROOT));
            return statement.executeUpdate() == 1;
        }
    }

    /** The same, of phase {@link Phase#STREAMING}. */
    public Checkpoint streaming() {
        return new Checkpoint(slot, server, settled, Phase.STREAMING);
    }

    /** The same, further on. */
    public Checkpoint at(Lsn lsn) {
        return new Checkpoint(slot, server, lsn, phase);
    }

    static String quotedTable(OutboxTable outbox) {
        return Identifier.quote(outbox.schema()) + "." + TABLE;
    }
}
