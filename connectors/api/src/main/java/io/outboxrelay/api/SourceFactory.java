package io.outboxrelay.api;

import java.sql.SQLException;
import java.util.List;
import java.util.Optional;

import io.outboxrelay.api.SourceStatus.RetainedLog;

/** A source whose settings are read. */
public interface SourceFactory {

    /**
     * Looks whether the source could work, and changes nothing.
     *
     * @throws SQLException if the database cannot be asked; waiting may mend it
     */
    List<Finding> check(OutboxDatabase database) throws SQLException;

    /**
     * Whether several processes may run this source on one outbox at once and share its rows. If not, the relay sees to it
     * that one does.
     */
    default boolean isShared() {
        return false;
    }

    /**
     * Whether a run would go on from a position that an earlier one has left. If not, it begins with all that the table
     * holds, and another kind of source may read that first.
     *
     * @throws SQLException if the database cannot be asked; waiting may mend it
     */
    default boolean hasPosition(OutboxDatabase database) throws SQLException {
        return true;
    }

    /**
     * Gives up the position, if this kind of source keeps one on the server, before another kind reads the outbox: from
     * here on the table alone tells what is unsent. Done again, it does nothing.
     *
     * @return what is left behind that an operator should know of, such as a replication slot that could not be dropped
     *     and keeps log
     * @throws SQLException if the database cannot be asked; waiting may mend it
     */
    default List<Finding> abandon(OutboxDatabase database) throws SQLException {
        return List.of();
    }

    /**
     * Ends what still reads for a relay that has lost this outbox, such as a session that streams to a process which is
     * paused or cut off. Called by who has just become the only one that may read.
     *
     * @throws SQLException if the database cannot be asked; to be called again
     */
    default void takeOver(OutboxDatabase database) throws SQLException {}

    /**
     * What the server keeps of its log for this kind of source now, whether or not one is open: for a position that an
     * earlier run has left, or that {@link OutboxSource#prepare} is making. A look of its own, so
     * {@link RetainedLog#movedAt} is its time.
     *
     * @return empty if it keeps none
     * @throws SQLException if the database cannot be asked; waiting may mend it
     */
    default Optional<RetainedLog> retainedLog(OutboxDatabase database) throws SQLException {
        return Optional.empty();
    }

    /** The replication slot that this kind of source reads; empty for one that reads the table. */
    default Optional<String> slot() {
        return Optional.empty();
    }

    /** Whether it makes that slot by itself, at the first start. */
    default boolean makesSlot() {
        return true;
    }

    /** The publication that this kind of source's log is filtered by; empty for one that reads the table. */
    default Optional<String> publication() {
        return Optional.empty();
    }

    /**
     * The setting, as it is written, by which this kind of source also reads events that have no row: whatever reads the
     * table instead of it never sees them. Empty if every event has a row.
     */
    default Optional<String> eventsWithoutRow() {
        return Optional.empty();
    }

    /** Opens a source for one run. Connects to nothing yet. */
    OutboxSource open(OutboxDatabase database);
}
