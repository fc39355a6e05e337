package io.outboxrelay.postgres;

import java.sql.Connection;
import java.sql.SQLException;
import java.util.Optional;

import io.outboxrelay.api.Code;
import io.outboxrelay.api.CodedSqlException;
import io.outboxrelay.api.OutboxDatabase;
import io.outboxrelay.api.SourceBusyException;

/**
 * What a start finds: server, slot and checkpoint of one outbox at one moment. It decides how the start goes on.
 *
 * @param server whose log it is
 * @param slot the configured slot, if there is one of that name
 * @param checkpoint how far the outbox was relayed, if it ever was
 */
record LogState(ServerIdentity server, Optional<ReplicationSlot> slot, Optional<Checkpoint> checkpoint) {

    /** How to begin. */
    enum Way {
        /** At the checkpoint, if the slot fits. */
        GO_ON,
        /** Where the slot stands: somebody made it, no relay has read it, and no older row would be missed for ever. */
        ADOPT,
        /** With a new slot and what its snapshot sees in the table. */
        HAND_OVER
    }

    static LogState read(Connection connection, OutboxDatabase database, String slot) throws SQLException {
        ServerIdentity server = ServerIdentity.read(connection);
        // In this order: a relay that stops in between moves the checkpoint first.
        Optional<ReplicationSlot> found = ReplicationSlot.read(connection, slot);
        return new LogState(server, found, Checkpoint.read(connection, database.table()));
    }

    /** @throws SQLException if the table cannot be asked whether it holds rows */
    Way way(Connection connection, OutboxDatabase database) throws SQLException {
        if (checkpoint.isPresent()) {
            return checkpoint.get().phase() == Checkpoint.Phase.STREAMING ? Way.GO_ON : Way.HAND_OVER;
        }
        return holdsSlot() && findsOlderRows(connection, database) ? Way.ADOPT : Way.HAND_OVER;
    }

    /** Whether there is a slot that has all log since it was made. */
    boolean holdsSlot() {
        return slot.filter(found -> !found.isLost()).isPresent();
    }

    /** Rows older than a slot that somebody made are for the audit to find, or of no interest, or there are none. */
    private static boolean findsOlderRows(Connection connection, OutboxDatabase database) throws SQLException {
        return Audit.isPossible(database)
                || !database.afterDelivery().tableIsQueue()
                || !(Snapshot.hasRows(connection, database)
                        || !Partitions.detached(connection, database).isEmpty());
    }

    /** Whether no relay has ever begun here. */
    boolean isFirstStart() {
        return checkpoint.isEmpty();
    }

    /** Whether a slot of the configured name is the relay's to drop: of this database, and of the relay's plugin. */
    static boolean isOurs(ReplicationSlot slot, OutboxDatabase database) {
        return slot.plugin().equals(Optional.of(ReplicationSlot.PLUGIN))
                && slot.database().equals(Optional.of(database.address().name()));
    }

    /**
     * Refuses a slot that is not to be used.
     *
     * @throws SQLException if it is of another plugin or database
     * @throws SourceBusyException if somebody streams from it
     */
    void requireUsableSlot(Connection connection, OutboxDatabase database) throws SQLException, SourceBusyException {
        if (slot.isEmpty()) {
            return;
        }
        ReplicationSlot found = slot.get();
        if (!found.plugin().equals(Optional.of(ReplicationSlot.PLUGIN))) {
            throw new CodedSqlException(
                    Code.SLOT_NOT_OURS,
                    "the replication slot " + found.name() + " is "
                            + found.plugin()
                                    .map(plugin -> "of the plugin " + plugin)
                                    .orElse("a physical one")
                            + "; the relay needs one of " + ReplicationSlot.PLUGIN + ". Configure another name",
                    null);
        }
        if (!isOurs(found, database)) {
            throw new CodedSqlException(
                    Code.SLOT_NOT_OURS,
                    "the replication slot " + found.name() + " decodes the database "
                            + found.database().orElse("?") + ", not "
                            + database.address().name()
                            + ". Slot names are unique on the whole server: configure another name",
                    null);
        }
        Optional<ReplicationSlot.Holder> holder = found.holder(connection);
        if (holder.isPresent()) {
            throw new SourceBusyException("the replication slot " + found.name() + " is read by " + holder.get());
        }
    }
}
