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

    /**
     * Writes the row, durably whatever the role's {@code synchronous_commit}, in a transaction of its own: the connection
     * must be in auto-commit mode. A row that is further on already stays there.
     *
     * @return false if nothing was written, because the row belongs to another server system
     */
    public boolean write(Connection connection, OutboxTable outbox) throws SQLException {
        // One round trip: set_config lasts until the end of this statement's transaction, its commit included.
        try (PreparedStatement statement = connection.prepareStatement("INSERT INTO " + quotedTable(outbox)
                + " AS mine (outbox, slot, system_identifier, timeline, settled_lsn, phase)"
                + " SELECT ?, ?, ?, ?, ?::pg_lsn, ? FROM set_config('synchronous_commit', 'on', true)"
                + " ON CONFLICT (outbox) DO UPDATE SET slot = EXCLUDED.slot, timeline = EXCLUDED.timeline,"
                + " settled_lsn = greatest(mine.settled_lsn, EXCLUDED.settled_lsn), phase = EXCLUDED.phase,"
                + " updated_at = now() WHERE mine.system_identifier = EXCLUDED.system_identifier")) {
            statement.setString(1, outbox.toString());
            statement.setString(2, slot);
            statement.setLong(3, server.systemIdentifier());
            statement.setInt(4, server.timeline());
            statement.setString(5, settled.toString());
            statement.setString(6, phase.name().toLowerCase(Locale.ROOT));
            return statement.executeUpdate() == 1;
        }
    }

    /** The same, further on. */
    public Checkpoint at(Lsn lsn) {
        return new Checkpoint(slot, server, lsn, phase);
    }

    static String quotedTable(OutboxTable outbox) {
        return Identifier.quote(outbox.schema()) + "." + TABLE;
    }
}
