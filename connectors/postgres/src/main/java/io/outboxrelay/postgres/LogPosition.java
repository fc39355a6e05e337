package io.outboxrelay.postgres;

import java.sql.Connection;
import java.sql.SQLException;
import java.util.List;
import java.util.Optional;

import io.outboxrelay.api.Code;
import io.outboxrelay.api.CodedSqlException;
import io.outboxrelay.api.Finding;
import io.outboxrelay.api.OutboxDatabase;
import io.outboxrelay.api.PositionLostException;
import io.outboxrelay.api.SourceBusyException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * How far one outbox has been relayed: the replication slot is the position, and a {@link Checkpoint} beside it tells
 * whether the slot is still the one that the relay left. Used by one thread at a time, but for {@link #cancel}.
 */
public final class LogPosition {

    private static final Logger log = LoggerFactory.getLogger(LogPosition.class);

    private static final String INSUFFICIENT_PRIVILEGE = "42501";

    private final OutboxDatabase database;
    private final String slot;
    private final Gap gap;
    private final HandOver handOver;

    /** @param database where outbox, slot and checkpoint are */
    public LogPosition(OutboxDatabase database, LogSettings settings) {
        this.database = database;
        this.slot = settings.slot();
        this.gap = new Gap(database, slot);
        this.handOver = new HandOver(database, settings);
    }

    /**
     * Looks whether the next start would find its position, and changes nothing.
     *
     * @throws SQLException if the database cannot be asked
     */
    public Finding check(Connection connection) throws SQLException {
        String subject = "position";
        LogState found = LogState.read(connection, database, slot);
        try {
            return switch (found.way(connection, database)) {
                case GO_ON -> {
                    gap.requireNone(found.checkpoint().orElseThrow(), found.server(), found.slot());
                    yield Finding.ok(
                            subject,
                            "goes on after " + found.checkpoint().orElseThrow().settled());
                }
                case ADOPT -> Finding.ok(subject, "begins where the slot " + slot + " stands");
                case HAND_OVER -> begins(connection, found);
            };
        } catch (PositionLostException e) {
            return Finding.error(e.code(), subject, e.getMessage(), e.remedy());
        }
    }

    /**
     * Whether a start would go on at a place in the log, and not begin with what the table holds.
     *
     * @throws SQLException if the database cannot be asked
     */
    public boolean exists() throws SQLException {
        try (Connection connection = database.dataSource().getConnection()) {
            return LogState.read(connection, database, slot).way(connection, database) != LogState.Way.HAND_OVER;
        }
    }

    /**
     * Looks before every start whether slot and checkpoint fit together. At the first start, and after a position was given
     * up, makes both, which takes as long as the oldest writing transaction. A slot that is there at the first start is
     * adopted where it stands, unless the table holds rows that may be older and that no audit would find: then it is made
     * anew.
     *
     * @return where to begin; the caller closes it. Empty if it was cancelled
     * @throws SourceBusyException if somebody streams from the slot
     * @throws PositionLostException if rows may be missing from what the slot will send
     * @throws SQLException if the database cannot be asked, or something is not set up; its message says what
     */
    public Optional<LogStart> prepare() throws SQLException, SourceBusyException, PositionLostException {
        LogState found;
        try (Connection connection = database.dataSource().getConnection()) {
            found = LogState.read(connection, database, slot);
            found.requireUsableSlot(connection, database);
            switch (found.way(connection, database)) {
                case GO_ON -> {
                    Checkpoint last = found.checkpoint().orElseThrow();
                    gap.requireNone(last, found.server(), found.slot());
                    tellFormer(connection, last);
                    return Optional.of(start(new Checkpoint(slot, found.server(), last.settled(), last.phase())));
                }
                case ADOPT -> {
                    Lsn stands =
                            found.slot().flatMap(ReplicationSlot::confirmed).orElseThrow();
                    log.info("Adopting the replication slot {} at {}", slot, stands);
                    Checkpoint first = new Checkpoint(slot, found.server(), stands, Checkpoint.Phase.STREAMING);
                    write(connection, first);
                    return Optional.of(start(first));
                }
                case HAND_OVER -> {
                    requirePossible(connection, found);
                    handOver.begin(connection, found);
                }
            }
        }
        return handOver.create(found.server());
    }

    /** Ends a wait of {@link #prepare}, and lets none begin. Any thread may call it. */
    public void cancel() throws InterruptedException {
        handOver.cancel();
    }

    /** Frees what {@link #prepare} returned, where nothing was read after it. */
    public void discard(LogStart start) {
        try (start) {
            handOver.discard(start.checkpoint());
        } catch (SQLException e) {
            log.debug("The snapshot could not be closed", e);
        }
    }

    /**
     * Gives the position up: from here on the table alone tells what is unsent, and the next {@link #prepare} begins with
     * it. Done again, it does nothing.
     *
     * @return a warning for a slot that could not be dropped
     * @throws SQLException if the database cannot be asked
     */
    public List<Finding> abandon() throws SQLException {
        return handOver.abandon();
    }

    /**
     * Ends the session that streams from the slot, for who alone may read the outbox now: it is that of a relay which has
     * lost it. Does nothing where no relay has read the outbox from this slot; then the session is somebody else's.
     *
     * @throws SQLException if the database cannot be asked
     */
    public void endFormerReader() throws SQLException {
        try (Connection connection = database.dataSource().getConnection()) {
            LogState found = LogState.read(connection, database, slot);
            boolean wasOurs = found.checkpoint()
                            .filter(checkpoint -> checkpoint.slot().equals(slot))
                            .isPresent()
                    && found.slot()
                            .filter(held -> LogState.isOurs(held, database))
                            .isPresent();
            if (wasOurs && found.slot().orElseThrow().activePid().isPresent()) {
                endReader(connection, found.slot().orElseThrow());
            }
        }
    }

    private void endReader(Connection connection, ReplicationSlot held) throws SQLException {
        Optional<ReplicationSlot.Holder> holder = held.holder(connection);
        try {
            held.endReader(connection);
            log.warn(
                    "{} Ended the session that still streamed from the replication slot {}, for a relay that has lost the"
                            + " outbox: {}",
                    Code.SLOT_READER_ENDED,
                    slot,
                    holder.map(Object::toString).orElse("?"));
        } catch (SQLException e) {
            if (!INSUFFICIENT_PRIVILEGE.equals(e.getSQLState())) {
                throw e;
            }
            log.warn(
                    "{} The replication slot {} is read by {}, of another role, which this one may not end: {}",
                    Code.SLOT_READER_STAYS,
                    slot,
                    holder.map(Object::toString).orElse("?"),
                    e.getMessage());
        }
    }

    /**
     * Looks again once the stream is open: between the look before and the opening the slot may have been dropped, and
     * made anew by whoever opened the stream.
     *
     * @return the slot, which somebody streams from
     * @throws CodedSqlException if the right to read the outbox has ended: the stream may be another server's than the
     *     checkpoint
     */
    public ReplicationSlot verify(Checkpoint checkpoint) throws SQLException, PositionLostException {
        try (Connection connection = database.dataSource().getConnection()) {
            database.right().require(connection);
            Optional<ReplicationSlot> found = ReplicationSlot.read(connection, slot);
            gap.requireNone(checkpoint, ServerIdentity.read(connection), found);
            return found.filter(slot -> slot.activePid().isPresent())
                    .orElseThrow(() -> new SQLException("nobody streams from the replication slot " + slot
                            + ", although the stream was opened: the server ended it"));
        }
    }

    /**
     * What ends a stream that has passed rows over.
     *
     * @param checkpoint up to where all is settled, which lies before them
     * @param publication did not exist at their place in the log
     */
    public PositionLostException passedOver(Checkpoint checkpoint, String publication) {
        return gap.passedOver(checkpoint, publication);
    }

    /**
     * Writes down that all is settled up to the checkpoint. Only then may the slot be moved there.
     *
     * @throws SQLException if it could not be written: the slot must stay. Also if the right to read the outbox has ended: on
     *     a server that was promoted, or has crashed, the place may lie behind rows that are not settled there
     */
    public void settle(Checkpoint checkpoint) throws SQLException {
        try (Connection connection = database.dataSource().getConnection()) {
            database.right().require(connection);
            write(connection, checkpoint);
        }
    }

    /** Moves the slot to the checkpoint, which must have been written. Nobody may be streaming from the slot. */
    public void advance(Checkpoint checkpoint) throws SQLException {
        try (Connection connection = database.dataSource().getConnection()) {
            database.right().require(connection);
            ReplicationSlot.advance(connection, slot, checkpoint.settled());
        }
    }

    /** Who streams from the slot, for a message; empty if nobody does or the database cannot be asked. */
    public Optional<ReplicationSlot.Holder> holder() {
        try (Connection connection = database.dataSource().getConnection()) {
            Optional<ReplicationSlot> found = ReplicationSlot.read(connection, slot);
            return found.isEmpty() ? Optional.empty() : found.get().holder(connection);
        } catch (SQLException e) {
            log.debug("Cannot ask who holds the slot {}", slot, e);
            return Optional.empty();
        }
    }

    private void tellFormer(Connection connection, Checkpoint last) throws SQLException {
        if (handOver.former(connection, last).isPresent()) {
            log.warn(
                    "{} The relay goes on with the replication slot {}, and has read {} so far, which keeps log on the server's"
                            + " disk until it is dropped. Remedy: SELECT pg_drop_replication_slot({});",
                    Code.SLOT_LEFT_BEHIND,
                    slot,
                    last.slot(),
                    Session.literal(last.slot()));
        }
    }

    private Finding begins(Connection connection, LogState found) throws SQLException {
        Optional<Finding> wrong = handOver.impossible(connection, found);
        if (wrong.isEmpty()) {
            wrong = handOver.refused(connection, found);
        }
        return wrong.orElse(Finding.ok(
                "position",
                "begins with the slot " + slot + ", which is made at the start"
                        + (found.isFirstStart() ? "" : ", and with what the table holds")));
    }

    private void requirePossible(Connection connection, LogState found) throws SQLException, PositionLostException {
        Optional<Finding> impossible = handOver.impossible(connection, found);
        if (impossible.isPresent()) {
            throw new CodedSqlException(
                    impossible.get().code().orElseThrow(),
                    impossible.get().text() + ". Remedy: " + impossible.get().remedy(),
                    null);
        }
        Optional<Finding> refused = handOver.refused(connection, found);
        if (refused.isPresent()) {
            throw new PositionLostException(
                    refused.get().code().orElseThrow(),
                    refused.get().text(),
                    refused.get().remedy());
        }
    }

    private static LogStart start(Checkpoint checkpoint) {
        return new LogStart(checkpoint, Optional.empty());
    }

    private void write(Connection connection, Checkpoint checkpoint) throws SQLException {
        if (!checkpoint.write(connection, database.table())) {
            throw new CodedSqlException(
                    Code.CHECKPOINT_CHANGED,
                    "the checkpoint of " + database.table()
                            + " was changed meanwhile: by a relay on another server system, of which this server may be a copy, or"
                            + " by one that begins again with what the table holds",
                    null);
        }
    }
}
