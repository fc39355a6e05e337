package io.outboxrelay.postgres;

import java.util.Optional;

import io.outboxrelay.api.Code;
import io.outboxrelay.api.OutboxDatabase;
import io.outboxrelay.api.PositionLostException;

/** Tells whether rows may lie between the checkpoint and what the slot will send. */
final class Gap {

    private final OutboxDatabase database;
    private final String slot;

    Gap(OutboxDatabase database, String slot) {
        this.database = database;
        this.slot = slot;
    }

    /** @throws PositionLostException if there may be some */
    void requireNone(Checkpoint checkpoint, ServerIdentity server, Optional<ReplicationSlot> found)
            throws PositionLostException {
        if (checkpoint.server().systemIdentifier() != server.systemIdentifier()) {
            throw lost(
                    Code.POSITION_OTHER_SERVER,
                    "the database is on another server system (" + server.systemIdentifier() + ", before it was "
                            + checkpoint.server().systemIdentifier()
                            + "), as after a restored dump or pg_upgrade, whose log has nothing to do with the old one",
                    checkpoint,
                    found);
        }
        if (checkpoint.server().timeline() > server.timeline()) {
            throw lost(
                    Code.POSITION_OLDER_TIMELINE,
                    "the server is on timeline " + server.timeline() + ", before it was on "
                            + checkpoint.server().timeline() + ": this is an older copy",
                    checkpoint,
                    found);
        }
        if (found.isEmpty()) {
            throw lost(Code.POSITION_SLOT_GONE, "the replication slot " + slot + " is gone", checkpoint, found);
        }
        if (found.get().isLost()) {
            throw lost(
                    Code.SLOT_LOST,
                    "the server has given up the replication slot " + slot
                            + found.get()
                                    .invalidation()
                                    .map(why -> " (" + why + ")")
                                    .orElse(""),
                    checkpoint,
                    found);
        }
        Lsn confirmed = found.get().confirmed().orElse(new Lsn(0));
        if (confirmed.isAfter(checkpoint.settled())) {
            throw lost(
                    Code.POSITION_SLOT_MOVED,
                    "the replication slot " + slot + " stands at " + confirmed
                            + ": somebody else has moved it, or made it anew",
                    checkpoint,
                    found);
        }
    }

    /** The server has passed rows over that were written while the publication did not exist. */
    PositionLostException passedOver(Checkpoint checkpoint, String publication) {
        return lost(
                Code.ROWS_PASSED_OVER,
                "the server has passed over what was written to the log while the publication " + publication
                        + " did not exist under this name",
                checkpoint,
                startAfresh(true, true));
    }

    private PositionLostException lost(Code code, String what, Checkpoint checkpoint, Optional<ReplicationSlot> found) {
        boolean dropSlot = found.filter(ReplicationSlot::isLost).isPresent();
        return lost(code, what, checkpoint, startAfresh(dropSlot, found.isEmpty() || dropSlot));
    }

    private PositionLostException lost(Code code, String what, Checkpoint checkpoint, String startAfresh) {
        return new PositionLostException(
                code,
                what + ". Rows of " + database.table() + " that were committed after " + checkpoint.settled()
                        + " may never have been relayed",
                database.afterDelivery().tableIsQueue() ? beginAtTheTable() : startAfresh);
    }

    private String beginAtTheTable() {
        return "source.fallback = polling, which heals this by itself; or begin with what the table holds: UPDATE "
                + Checkpoint.quotedTable(database.table()) + " SET phase = 'handover' WHERE outbox = "
                + Session.literal(database.table().toString()) + ";";
    }

    private String startAfresh(boolean dropSlot, boolean newSlot) {
        return "start afresh: " + (dropSlot ? "SELECT pg_drop_replication_slot(" + Session.literal(slot) + "); " : "")
                + "DELETE FROM " + Checkpoint.quotedTable(database.table()) + " WHERE outbox = "
                + Session.literal(database.table().toString()) + ";"
                + (newSlot ? " and set existing-rows = skip, unless the table is empty" : "")
                + ". Once the relay streams, delete and insert again those rows of the table that the consumers"
                + " lack, or accept the gap";
    }
}
