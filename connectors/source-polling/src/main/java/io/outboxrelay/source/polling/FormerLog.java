package io.outboxrelay.source.polling;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;

import io.outboxrelay.api.Code;
import io.outboxrelay.api.Finding;
import io.outboxrelay.api.OutboxDatabase;
import io.outboxrelay.postgres.Checkpoint;
import io.outboxrelay.postgres.ExistingRows;
import io.outboxrelay.postgres.LogPosition;
import io.outboxrelay.postgres.LogSettings;
import io.outboxrelay.postgres.ReplicationSlot;
import io.outboxrelay.schema.Identifier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The position of a relay that read the log of this outbox before it was polled. Its slot would keep the server's log for
 * ever, and what is polled now would be sent again by whoever went on from there.
 */
final class FormerLog {

    private static final Logger log = LoggerFactory.getLogger(FormerLog.class);

    private static final String UNDEFINED_TABLE = "42P01";
    private static final String NO_RIGHT = "42501";

    /** Slots of this database that keep log, as every role may see them. A lost one keeps nothing. */
    private static final String SLOTS = "SELECT slot_name, active,"
            + " pg_size_pretty(pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)), current_user"
            + " FROM pg_replication_slots WHERE plugin = ? AND database = current_database() AND NOT temporary"
            + " AND restart_lsn IS NOT NULL ORDER BY slot_name";

    private record Slot(String name, boolean active, String kept, String role) {

        String drop() {
            // The server lets a slot's name hold nothing that would need escaping.
            return "SELECT pg_drop_replication_slot('" + name + "');";
        }

        @Override
        public String toString() {
            return name + " (" + kept + (active ? ", being read" : "") + ")";
        }
    }

    private FormerLog() {}

    /**
     * Gives the position up, if there is one; to be called before the first row is polled.
     *
     * @return a warning for whatever may still keep log
     */
    static List<Finding> giveUp(OutboxDatabase database) throws SQLException {
        try (Connection connection = database.dataSource().getConnection()) {
            Optional<Checkpoint> last;
            try {
                last = Checkpoint.read(connection, database.table());
            } catch (SQLException e) {
                return unreadable(connection, database, e);
            }
            if (last.isEmpty()) {
                return List.of();
            }
            String slot = last.get().slot();
            if (last.get().phase() == Checkpoint.Phase.HANDOVER) {
                return leftBehind(connection, slot);
            }
            log.info("{} was read from the log so far; giving up the replication slot {}", database.table(), slot);
            return new LogPosition(database, new LogSettings(slot, false, false, ExistingRows.PUBLISH)).abandon();
        }
    }

    /** Without the table nobody can have read the log; without a right on it somebody may have. */
    private static List<Finding> unreadable(Connection connection, OutboxDatabase database, SQLException why)
            throws SQLException {
        if (UNDEFINED_TABLE.equals(why.getSQLState())) {
            log.debug("No relay has read the log", why);
            return List.of();
        }
        if (!NO_RIGHT.equals(why.getSQLState())) {
            throw why;
        }
        List<Slot> slots = slots(connection);
        if (slots.isEmpty()) {
            log.debug("It cannot be seen whether a relay read the log, but no slot of it is left", why);
            return List.of();
        }
        return List.of(Finding.warning(
                Code.POSITION_UNSEEN,
                "position",
                "it cannot be seen whether a relay read the log of " + database.table() + " before (" + why.getMessage()
                        + "). If one did, its replication slot keeps log on the server's disk until it is dropped. Slots"
                        + " of this database, with what they keep: "
                        + slots.stream().map(Slot::toString).collect(Collectors.joining(", ")),
                "if one was the relay's, "
                        + slots.stream().map(Slot::drop).collect(Collectors.joining(" or "))
                        + " If none was, let the relay see it: GRANT SELECT, INSERT, UPDATE, DELETE ON "
                        + Identifier.quote(database.table().schema()) + "." + Checkpoint.TABLE + " TO "
                        + Identifier.quote(slots.get(0).role()) + ";"));
    }

    /**
     * What is left where the position was given up before. It is not dropped here: a relay that polls until the log is
     * ready makes its slot meanwhile, and reads it until it is made.
     */
    private static List<Finding> leftBehind(Connection connection, String slot) throws SQLException {
        return slots(connection).stream()
                .filter(found -> found.name().equals(slot) && !found.active())
                .map(found -> Finding.warning(
                        Code.SLOT_LEFT_BEHIND,
                        "slot " + slot,
                        "is left from a relay that read the log, and keeps " + found.kept()
                                + " of log on the server's disk until it is dropped.",
                        found.drop()))
                .toList();
    }

    private static List<Slot> slots(Connection connection) throws SQLException {
        try (PreparedStatement query = connection.prepareStatement(SLOTS)) {
            query.setString(1, ReplicationSlot.PLUGIN);
            try (ResultSet row = query.executeQuery()) {
                List<Slot> slots = new ArrayList<>();
                while (row.next()) {
                    slots.add(new Slot(row.getString(1), row.getBoolean(2), row.getString(3), row.getString(4)));
                }
                return slots;
            }
        }
    }
}
