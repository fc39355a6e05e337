package io.outboxrelay.postgres;

import java.sql.Connection;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

import io.outboxrelay.api.Code;
import io.outboxrelay.api.CodedSqlException;
import io.outboxrelay.api.Finding;
import io.outboxrelay.api.OutboxDatabase;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The way from the table to the log, and the first step of the way back. Phase {@code handover} is written before anything
 * else, so whoever starts after a crash at any step drops the slot and begins again; the phase becomes {@code streaming}
 * only when all that the snapshot sees is settled. Where it sees nothing that is to be sent, that is at once: the slot is
 * the whole truth then, and to begin again could pass over what was committed since.
 */
final class HandOver {

    private static final Logger log = LoggerFactory.getLogger(HandOver.class);

    private static final String UNDEFINED_TABLE = "42P01";
    private static final String NO_RIGHT = "42501";

    /** How long the server may need to notice that a reader has left. */
    private static final long LEAVE_NANOS = TimeUnit.SECONDS.toNanos(2);

    private static final int FAILOVER_SLOTS = 17;

    private final OutboxDatabase database;
    private final LogSettings settings;
    private final SlotCreation creation;

    /** What was written with the slot that was made here last. */
    private volatile Optional<Checkpoint> made = Optional.empty();

    HandOver(OutboxDatabase database, LogSettings settings) {
        this.database = database;
        this.settings = settings;
        this.creation = new SlotCreation(database);
    }

    /** Why it cannot be done, if it cannot. Changes nothing. */
    Optional<Finding> impossible(Connection connection, LogState found) throws SQLException {
        if (!settings.createSlot()) {
            if (!found.isFirstStart()) {
                return Optional.of(noLeave());
            }
            return Optional.of(found.holdsSlot() ? olderRows() : noSlot());
        }
        int version = connection.getMetaData().getDatabaseMajorVersion();
        if (settings.failover() && version < FAILOVER_SLOTS) {
            return Optional.of(error(
                    Code.FAILOVER_UNSUPPORTED,
                    "a slot for standbys, as failover = true asks for, is known to Postgres from version "
                            + FAILOVER_SLOTS + " on; this is " + version,
                    "set failover = false, or upgrade the server"));
        }
        if (publishes() && !hasOrder() && Snapshot.hasRows(connection, database)) {
            return Optional.of(noOrder());
        }
        return Optional.empty();
    }

    /** What is wrong with rows that are there at the first start, if somebody is to decide about them. */
    Optional<Finding> refused(Connection connection, LogState found) throws SQLException {
        if (settings.existingRows() == ExistingRows.REFUSE
                && found.isFirstStart()
                && Snapshot.hasRows(connection, database)) {
            return Optional.of(error(
                    Code.SLOT_OLDER_ROWS,
                    database.table() + " holds rows that are older than the replication slot " + settings.slot()
                            + " would be: the log will never tell of them",
                    "set existing-rows = publish to send them first, or delete what was delivered by other means"));
        }
        return Optional.empty();
    }

    /** Gives up whatever position there was, durably, and then its slot, which nobody may be reading. */
    void begin(Connection connection, LogState found) throws SQLException {
        List<Finding> left = new ArrayList<>();
        if (found.checkpoint().isPresent()) {
            dropFormer(connection, found.checkpoint().get(), left);
        }
        left.forEach(slot -> log.warn("{} {}", slot.code().orElseThrow(), slot.line()));
        checkpoint(found.server(), new Lsn(0)).overwrite(connection, database.table());
        if (found.slot().isPresent()) {
            ReplicationSlot.drop(connection, settings.slot());
            if (found.isFirstStart() && found.holdsSlot()) {
                log.warn(
                        "{} The replication slot {} was not made by the relay, and {} holds rows that may be older than it,"
                                + " which nothing would find later: the slot is made anew, with what the table holds",
                        Code.SLOT_MADE_ANEW,
                        settings.slot(),
                        database.table());
            }
            log.info("Dropped the replication slot {}, to begin again with what the table holds", settings.slot());
        }
    }

    /** Makes the slot; after {@link #begin}. Empty if it was cancelled meanwhile. */
    Optional<LogStart> create(ServerIdentity server) throws SQLException {
        log.info(
                "Creating the replication slot {}; the server waits until transactions that are writing have ended",
                settings.slot());
        NewSlot made;
        try {
            made = creation.create(settings.slot(), settings.failover());
        } catch (SQLException e) {
            if (creation.isCancelled()) {
                log.debug("The creation of the slot was cancelled", e);
                return Optional.empty();
            }
            throw e;
        }
        try (made) {
            return Optional.of(start(server, made));
        } catch (SQLException | RuntimeException e) {
            discard(checkpoint(server, new Lsn(0)));
            throw e;
        }
    }

    private LogStart start(ServerIdentity server, NewSlot made) throws SQLException {
        Snapshot snapshot = Snapshot.of(database, made);
        boolean kept = false;
        try {
            boolean hasRows = publishes() && snapshot.seesRows();
            if (hasRows && !hasOrder()) {
                throw new CodedSqlException(Code.POSITION_NEEDS_ORDER, noOrder().line(), null);
            }
            Checkpoint start = checkpoint(server, made.start());
            if (!hasRows) {
                start = start.streaming();
            }
            try (Connection connection = database.dataSource().getConnection()) {
                start.overwrite(connection, database.table());
            }
            this.made = Optional.of(start);
            log.info("Created the replication slot {}; it begins at {}", settings.slot(), made.start());
            kept = hasRows;
            return new LogStart(start, kept ? Optional.of(snapshot) : Optional.empty());
        } finally {
            if (!kept) {
                snapshot.close();
            }
        }
    }

    /** Ends a wait of {@link #create}. Any thread may call it. */
    void cancel() throws InterruptedException {
        creation.cancel();
    }

    /**
     * Drops the slot of a start that was made here and will not be read: it would keep log until the next start, and send
     * what another source sends meanwhile. It stays where the table does not tell what was committed since.
     */
    void discard(Checkpoint start) {
        try (Connection connection = database.dataSource().getConnection()) {
            Optional<Checkpoint> now = Checkpoint.read(connection, database.table());
            boolean isUnread = start.phase() == Checkpoint.Phase.HANDOVER
                    ? now.isPresent() && now.get().phase() == Checkpoint.Phase.HANDOVER
                    : made.equals(Optional.of(start)) && now.equals(made) && takeBack(connection, start);
            if (isUnread) {
                ReplicationSlot.drop(connection, settings.slot());
            }
        } catch (SQLException e) {
            log.debug("The slot {} stays until the next start", settings.slot(), e);
        }
    }

    /** False if that would lose what only the slot tells, or somebody reads it already. */
    private boolean takeBack(Connection connection, Checkpoint start) throws SQLException {
        boolean isRead = ReplicationSlot.read(connection, settings.slot())
                .flatMap(ReplicationSlot::activePid)
                .isPresent();
        if (isRead || !database.afterDelivery().tableIsQueue() || !publishes() || !hasOrder()) {
            return false;
        }
        checkpoint(start.server(), new Lsn(0)).overwrite(connection, database.table());
        return true;
    }

    /** Gives the position up, so that the table alone tells what is unsent. Tells what is left behind. */
    List<Finding> abandon() throws SQLException {
        if (!database.afterDelivery().tableIsQueue()) {
            throw new IllegalStateException("the position of " + database.table()
                    + " cannot be given up: with after-delivery = keep the table does not tell what is unsent");
        }
        List<Finding> left = new ArrayList<>();
        try (Connection connection = database.dataSource().getConnection()) {
            giveUp(connection, left);
            dropSlot(connection, settings.slot(), left);
        }
        return left;
    }

    private void giveUp(Connection connection, List<Finding> left) throws SQLException {
        try {
            Optional<Checkpoint> last = Checkpoint.read(connection, database.table());
            if (last.isPresent()) {
                dropFormer(connection, last.get(), left);
            }
            checkpoint(ServerIdentity.read(connection), new Lsn(0)).overwrite(connection, database.table());
        } catch (SQLException e) {
            if (NO_RIGHT.equals(e.getSQLState())) {
                left.add(Finding.warning(
                        Code.POSITION_NOT_GIVEN_UP,
                        "position",
                        "cannot be given up (" + e.getMessage()
                                + "); the relay will not return to the log before it can be.",
                        "GRANT SELECT, INSERT, UPDATE, DELETE ON " + Checkpoint.quotedTable(database.table()) + " TO "
                                + Session.of(connection).quotedRole() + ";"));
            } else if (!UNDEFINED_TABLE.equals(e.getSQLState())) {
                throw e;
            }
        }
    }

    /**
     * Drops the slot that was read under another configured name. The checkpoint is the last that knows of it: once that
     * is overwritten, the slot would keep log for ever.
     */
    private void dropFormer(Connection connection, Checkpoint last, List<Finding> left) throws SQLException {
        Optional<ReplicationSlot> former = former(connection, last);
        if (former.isEmpty()) {
            return;
        }
        if (former.get()
                .confirmed()
                .filter(stands -> !stands.isAfter(last.settled()))
                .isPresent()) {
            dropSlot(connection, last.slot(), left);
        } else {
            left.add(leftBehind(connection, former.get(), "it is not where the relay left it"));
        }
    }

    /** The slot that the checkpoint names, if it is another one than the configured one, and nobody else's. */
    Optional<ReplicationSlot> former(Connection connection, Checkpoint last) throws SQLException {
        if (last.slot().equals(settings.slot()) || Checkpoint.isOfAnother(connection, database.table(), last.slot())) {
            return Optional.empty();
        }
        return ReplicationSlot.read(connection, last.slot()).filter(slot -> LogState.isOurs(slot, database));
    }

    private void dropSlot(Connection connection, String name, List<Finding> left) throws SQLException {
        long deadline = System.nanoTime() + LEAVE_NANOS;
        while (true) {
            Optional<ReplicationSlot> found =
                    ReplicationSlot.read(connection, name).filter(slot -> LogState.isOurs(slot, database));
            if (found.isEmpty()) {
                return;
            }
            try {
                ReplicationSlot.drop(connection, name);
                log.info("Dropped the replication slot {}", name);
                return;
            } catch (SQLException e) {
                boolean inUse = ReplicationSlot.IN_USE.equals(e.getSQLState());
                if (!inUse && !NO_RIGHT.equals(e.getSQLState())) {
                    throw e;
                }
                if (!inUse || System.nanoTime() - deadline > 0) {
                    left.add(leftBehind(connection, found.get(), e.getMessage()));
                    return;
                }
                pause();
            }
        }
    }

    private static Finding leftBehind(Connection connection, ReplicationSlot found, String why) throws SQLException {
        String name = Session.literal(found.name());
        Optional<ReplicationSlot.Holder> holder = found.holder(connection);
        return Finding.warning(
                Code.SLOT_NOT_DROPPED,
                "slot " + found.name(),
                "could not be dropped ("
                        + holder.map(reader -> "it is read by " + reader).orElse(why)
                        + "), and keeps log on the server's disk until it is.",
                holder.map(reader -> "SELECT pg_terminate_backend(" + reader.pid() + "); ")
                                .orElse("")
                        + "SELECT pg_drop_replication_slot(" + name + ");");
    }

    private static void pause() throws SQLException {
        try {
            Thread.sleep(50);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new SQLException("interrupted while the slot was still in use", ReplicationSlot.IN_USE, e);
        }
    }

    private Checkpoint checkpoint(ServerIdentity server, Lsn at) {
        return new Checkpoint(settings.slot(), server, at, Checkpoint.Phase.HANDOVER);
    }

    private boolean publishes() {
        return settings.existingRows() != ExistingRows.SKIP;
    }

    private boolean hasOrder() {
        return database.table().columns().seq().isPresent();
    }

    private Finding noSlot() {
        return error(
                Code.SLOT_MISSING,
                "the replication slot " + settings.slot() + " does not exist, and create-slot is false",
                "SELECT pg_create_logical_replication_slot(" + Session.literal(settings.slot()) + ", "
                        + Session.literal(ReplicationSlot.PLUGIN) + ");");
    }

    private Finding olderRows() {
        return error(
                Code.SLOT_OLDER_ROWS,
                "the replication slot " + settings.slot() + " was not made by the relay, and " + database.table()
                        + " holds rows that may be older than it: the log would never tell of them",
                "set create-slot = true: then the slot is made anew, with what the table holds; or empty the table of"
                        + " what was delivered by other means");
    }

    private Finding noLeave() {
        return error(
                Code.POSITION_NEEDS_SNAPSHOT,
                "the replication slot " + settings.slot() + " must be made together with a snapshot of the table, and"
                        + " create-slot is false",
                "set create-slot = true");
    }

    private Finding noOrder() {
        String table = database.table().quoted();
        return error(
                Code.POSITION_NEEDS_ORDER,
                "rows of " + database.table() + " must be read from the table, and outbox.columns.seq names no column"
                        + " that orders them",
                "ALTER TABLE " + table + " ADD COLUMN seq bigint GENERATED BY DEFAULT AS IDENTITY; CREATE UNIQUE INDEX"
                        + " ON " + table + " (seq); -- and set outbox.columns.seq = seq; or empty the table");
    }

    private static Finding error(Code code, String text, String remedy) {
        return Finding.error(code, "position", text, remedy);
    }
}
