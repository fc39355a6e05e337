package io.outboxrelay.postgres;

import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.Optional;

import io.outboxrelay.api.Finding;
import io.outboxrelay.api.OutboxDatabase;
import io.outboxrelay.api.PositionLostException;
import io.outboxrelay.api.SourceBusyException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * How far one outbox has been relayed: the replication slot is the position, and a {@link Checkpoint} beside it tells
 * whether the slot is still the one that the relay left. Used by one thread at a time.
 */
public final class LogPosition {

    private static final Logger log = LoggerFactory.getLogger(LogPosition.class);

    private static final Duration PATIENCE = Duration.ofSeconds(5);

    private final OutboxDatabase database;
    private final String slot;
    private final boolean createSlot;
    private final ExistingRows existingRows;

    /**
     * @param database where outbox, slot and checkpoint are
     * @param slot the slot's name
     * @param createSlot whether a missing slot is created at the first start
     * @param existingRows what becomes of rows that are older than a created slot
     */
    public LogPosition(OutboxDatabase database, String slot, boolean createSlot, ExistingRows existingRows) {
        this.database = database;
        this.slot = slot;
        this.createSlot = createSlot;
        this.existingRows = existingRows;
    }

    /** Looks whether the next start would find its position, and changes nothing. */
    public Finding check(Connection connection) throws SQLException {
        String subject = "position";
        try {
            // In this order: a relay that stops in between moves the checkpoint first.
            Optional<ReplicationSlot> found = ReplicationSlot.read(connection, slot);
            Optional<Checkpoint> checkpoint = Checkpoint.read(connection, database.table());
            if (checkpoint.isPresent()) {
                requireNoGap(checkpoint.get(), ServerIdentity.read(connection), found);
                return Finding.ok(subject, "goes on after " + checkpoint.get().settled());
            }
            if (found.isPresent()) {
                return Finding.ok(subject, "begins where the slot " + slot + " stands");
            }
            if (!createSlot) {
                return Finding.error(
                        subject, "the slot " + slot + " does not exist, and create-slot is false.", creation());
            }
            if (existingRows == ExistingRows.REFUSE && hasRows(connection)) {
                throw olderRows();
            }
            return Finding.ok(subject, "begins with the slot " + slot + ", which is made at the start");
        } catch (PositionLostException e) {
            return Finding.error(subject, e.getMessage(), e.remedy());
        }
    }

    /**
     * Looks before every start whether slot and checkpoint fit together. At the first start, which knows no checkpoint,
     * makes both; a slot that is there already is adopted where it stands.
     *
     * @return the checkpoint to go on from; empty if transactions older than the slot must end before it can be created:
     *     ask again
     * @throws SourceBusyException if somebody streams from the slot
     * @throws PositionLostException if rows may be missing from what the slot will send
     * @throws SQLException if the database cannot be asked, or something is not set up; its message says what
     */
    public Optional<Checkpoint> prepare() throws SQLException, SourceBusyException, PositionLostException {
        try (Connection connection = database.dataSource().getConnection()) {
            ServerIdentity server = ServerIdentity.read(connection);
            // In this order: a relay that stops in between moves the checkpoint first.
            Optional<ReplicationSlot> found = ReplicationSlot.read(connection, slot);
            Optional<Checkpoint> checkpoint = Checkpoint.read(connection, database.table());
            if (found.isPresent()) {
                requireUsable(connection, found.get());
            }
            if (checkpoint.isPresent()) {
                requireNoGap(checkpoint.get(), server, found);
                return Optional.of(
                        new Checkpoint(slot, server, checkpoint.get().settled(), Checkpoint.Phase.STREAMING));
            }
            Optional<Lsn> start = found.isPresent() ? Optional.of(adopt(found.get())) : create(connection);
            if (start.isEmpty()) {
                return Optional.empty();
            }
            Checkpoint first = new Checkpoint(slot, server, start.get(), Checkpoint.Phase.STREAMING);
            write(connection, first);
            return Optional.of(first);
        }
    }

    /**
     * Looks again once the stream is open: between the look before and the opening the slot may have been dropped, and
     * made anew by whoever opened the stream.
     *
     * @return the slot, which somebody streams from
     */
    public ReplicationSlot verify(Checkpoint checkpoint) throws SQLException, PositionLostException {
        try (Connection connection = database.dataSource().getConnection()) {
            Optional<ReplicationSlot> found = ReplicationSlot.read(connection, slot);
            requireNoGap(checkpoint, ServerIdentity.read(connection), found);
            return found.filter(slot -> slot.activePid().isPresent())
                    .orElseThrow(() -> new SQLException("nobody streams from the replication slot " + slot
                            + ", although the stream was opened: the server ended it"));
        }
    }

    /**
     * Writes down that all is settled up to the checkpoint. Only then may the slot be moved there.
     *
     * @throws SQLException if it could not be written: the slot must stay
     */
    public void settle(Checkpoint checkpoint) throws SQLException {
        try (Connection connection = database.dataSource().getConnection()) {
            write(connection, checkpoint);
        }
    }

    /** Moves the slot to the checkpoint, which must have been written. Nobody may be streaming from the slot. */
    public void advance(Checkpoint checkpoint) throws SQLException {
        try (Connection connection = database.dataSource().getConnection()) {
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

    private void write(Connection connection, Checkpoint checkpoint) throws SQLException {
        if (!checkpoint.write(connection, database.table())) {
            throw new SQLException("the checkpoint of " + database.table()
                    + " was written meanwhile by a relay on another server system; this server may be a copy");
        }
    }

    private void requireUsable(Connection connection, ReplicationSlot found) throws SQLException, SourceBusyException {
        if (!found.plugin().equals(Optional.of(ReplicationSlot.PLUGIN))) {
            throw new SQLException("the replication slot " + slot + " is "
                    + found.plugin().map(plugin -> "of the plugin " + plugin).orElse("a physical one")
                    + "; the relay needs one of " + ReplicationSlot.PLUGIN + ". Configure another name");
        }
        if (!found.database().equals(Optional.of(database.address().name()))) {
            throw new SQLException("the replication slot " + slot + " decodes the database "
                    + found.database().orElse("?") + ", not "
                    + database.address().name()
                    + ". Slot names are unique on the whole server: configure another name");
        }
        Optional<ReplicationSlot.Holder> holder = found.holder(connection);
        if (holder.isPresent()) {
            throw new SourceBusyException("the replication slot " + slot + " is read by " + holder.get());
        }
    }

    private void requireNoGap(Checkpoint checkpoint, ServerIdentity server, Optional<ReplicationSlot> found)
            throws PositionLostException {
        if (checkpoint.phase() == Checkpoint.Phase.HANDOVER) {
            throw lost("a hand-over from the table to the log was interrupted", checkpoint, found);
        }
        if (checkpoint.server().systemIdentifier() != server.systemIdentifier()) {
            throw lost(
                    "the database is on another server system (" + server.systemIdentifier() + ", before it was "
                            + checkpoint.server().systemIdentifier()
                            + "), as after a restored dump or pg_upgrade, whose log has nothing to do with the old one",
                    checkpoint,
                    found);
        }
        if (checkpoint.server().timeline() > server.timeline()) {
            throw lost(
                    "the server is on timeline " + server.timeline() + ", before it was on "
                            + checkpoint.server().timeline() + ": this is an older copy",
                    checkpoint,
                    found);
        }
        if (found.isEmpty()) {
            throw lost("the replication slot " + slot + " is gone", checkpoint, found);
        }
        if (found.get().isLost()) {
            throw lost(
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
                    "the replication slot " + slot + " stands at " + confirmed
                            + ": somebody else has moved it, or made it anew",
                    checkpoint,
                    found);
        }
    }

    private PositionLostException lost(String what, Checkpoint checkpoint, Optional<ReplicationSlot> found) {
        boolean dropSlot = found.filter(ReplicationSlot::isLost).isPresent();
        boolean newSlot = found.isEmpty() || dropSlot;
        return new PositionLostException(
                what + ". Rows of " + database.table() + " that were committed after " + checkpoint.settled()
                        + " may never have been relayed",
                "start afresh: " + (dropSlot ? "SELECT pg_drop_replication_slot('" + slot + "'); " : "")
                        + "DELETE FROM " + Checkpoint.quotedTable(database.table()) + " WHERE outbox = '"
                        + database.table().toString().replace("'", "''") + "';"
                        + (newSlot ? " and set existing-rows = skip, unless the table is empty" : "")
                        + ". Once the relay streams, delete and insert again those rows of the table that the consumers"
                        + " lack, or accept the gap");
    }

    private Lsn adopt(ReplicationSlot found) throws SQLException {
        if (found.isLost() || found.confirmed().isEmpty()) {
            throw new SQLException("the server has given up the replication slot " + slot
                    + ". Drop it: SELECT pg_drop_replication_slot('" + slot + "')");
        }
        log.info(
                "Adopting the replication slot {} at {}",
                slot,
                found.confirmed().get());
        return found.confirmed().get();
    }

    private Optional<Lsn> create(Connection connection) throws SQLException, PositionLostException {
        if (!createSlot) {
            throw new SQLException("the replication slot " + slot
                    + " does not exist, and create-slot is false. Create it: " + creation());
        }
        if (existingRows == ExistingRows.REFUSE && hasRows(connection)) {
            throw olderRows();
        }
        Optional<NewSlot> made = newSlot();
        if (made.isEmpty()) {
            return Optional.empty();
        }
        boolean kept = false;
        try (NewSlot created = made.get()) {
            if (existingRows == ExistingRows.REFUSE && hasRows(connection, created.snapshot())) {
                throw olderRows();
            }
            log.info("Created the replication slot {}; it begins at {}", slot, created.start());
            kept = true;
            return Optional.of(created.start());
        } finally {
            if (!kept) {
                // The next start would adopt it, and never ask which rows are older.
                ReplicationSlot.drop(connection, slot);
            }
        }
    }

    private Optional<NewSlot> newSlot() throws SQLException {
        try {
            return Optional.of(NewSlot.create(database.address(), slot, PATIENCE));
        } catch (SQLException e) {
            if ("57014".equals(e.getSQLState())) {
                log.info("The replication slot {} can be created once older transactions have ended; waiting", slot);
                return Optional.empty();
            }
            throw e;
        }
    }

    private String creation() {
        return "SELECT pg_create_logical_replication_slot('" + slot + "', '" + ReplicationSlot.PLUGIN + "')";
    }

    private PositionLostException olderRows() {
        return new PositionLostException(
                database.table() + " holds rows that are older than the replication slot " + slot
                        + " would be: they would never be relayed",
                "delete what was delivered by other means, or set existing-rows = skip to leave all of them unsent");
    }

    private boolean hasRows(Connection connection) throws SQLException {
        try (Statement statement = connection.createStatement();
                ResultSet row = statement.executeQuery(
                        "SELECT EXISTS (SELECT FROM " + database.table().quoted() + ")")) {
            return row.next() && row.getBoolean(1);
        }
    }

    private boolean hasRows(Connection connection, String snapshot) throws SQLException {
        connection.setAutoCommit(false);
        try (Statement statement = connection.createStatement()) {
            statement.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ");
            statement.execute("SET TRANSACTION SNAPSHOT '" + snapshot + "'");
            return hasRows(connection);
        } finally {
            connection.rollback();
            connection.setAutoCommit(true);
        }
    }
}
