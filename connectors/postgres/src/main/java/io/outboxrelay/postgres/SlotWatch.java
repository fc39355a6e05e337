package io.outboxrelay.postgres;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import javax.sql.DataSource;

import io.outboxrelay.api.Code;
import io.outboxrelay.api.SourceStatus.RetainedLog;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Looks how much log the server keeps for a slot, and warns when it is more than it should be. One thread looks; any
 * thread may ask what it saw.
 */
public final class SlotWatch {

    private static final Logger log = LoggerFactory.getLogger(SlotWatch.class);

    private static final Duration WARN_AGAIN = Duration.ofMinutes(5);

    private static final String LOOK = "SELECT coalesce(pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn), 0),"
            + " coalesce(wal_status, 'lost'), coalesce(confirmed_flush_lsn::text, '0/0'), pg_current_wal_flush_lsn()::text"
            + " FROM pg_replication_slots WHERE slot_name = ? AND database = current_database() AND plugin = '"
            + ReplicationSlot.PLUGIN + "'";

    private record Seen(long bytes, String status, Lsn confirmed, Lsn end) {}

    private final DataSource database;
    private final String slot;

    private String warnedOf = "reserved";
    private long warnedAt;
    private Lsn confirmed = new Lsn(0);
    private volatile RetainedLog retained;
    private volatile Lsn end = new Lsn(0);

    /** @param slot the slot's name */
    public SlotWatch(DataSource database, String slot) {
        this.database = database;
        this.slot = slot;
    }

    /** Looks once. A database that cannot be asked, or a slot that is gone, is for others to notice. */
    public void look() {
        try {
            read(database, slot).ifPresent(this::note);
        } catch (SQLException e) {
            log.debug("Cannot look at the slot {}", slot, e);
        }
    }

    /**
     * One look, by whoever wants to know it now.
     *
     * @return empty if there is no slot of that name that is the relay's
     * @throws SQLException if the database cannot be asked
     */
    public static Optional<RetainedLog> retained(DataSource database, String slot) throws SQLException {
        return read(database, slot).map(seen -> new RetainedLog(seen.bytes(), seen.status(), Instant.now()));
    }

    /** What the last look saw; empty before the first. */
    public Optional<RetainedLog> retained() {
        return Optional.ofNullable(retained);
    }

    /** Where the log ended at the last look. */
    public Lsn end() {
        return end;
    }

    private static Optional<Seen> read(DataSource database, String slot) throws SQLException {
        try (Connection connection = database.getConnection();
                PreparedStatement query = connection.prepareStatement(LOOK)) {
            query.setString(1, slot);
            try (ResultSet row = query.executeQuery()) {
                return row.next()
                        ? Optional.of(new Seen(
                                row.getLong(1),
                                row.getString(2),
                                Lsn.parse(row.getString(3)),
                                Lsn.parse(row.getString(4))))
                        : Optional.empty();
            }
        }
    }

    private void note(Seen seen) {
        RetainedLog before = retained;
        boolean moved = before == null || seen.confirmed().isAfter(confirmed);
        confirmed = seen.confirmed();
        retained = new RetainedLog(seen.bytes(), seen.status(), moved ? Instant.now() : before.movedAt());
        end = seen.end();
        warn(seen.bytes(), seen.status());
    }

    private void warn(long bytes, String status) {
        if (status.equals("reserved")) {
            warnedOf = status;
            return;
        }
        long now = System.nanoTime();
        if (status.equals(warnedOf) && now - warnedAt < WARN_AGAIN.toNanos()) {
            return;
        }
        warnedOf = status;
        warnedAt = now;
        log.warn(
                "{} The server keeps {} MB of log for the replication slot {}, and its wal_status is {}: {}",
                Code.LOG_GROWS,
                bytes >> 20,
                slot,
                status,
                switch (status) {
                    case "extended" ->
                        "more than max_wal_size. Either much was written at once, or the relay is behind";
                    case "unreserved" ->
                        "more than max_slot_wal_keep_size, so the next checkpoint of the server takes it"
                                + " away, and the slot with it";
                    default -> "rows can be missing from what it still has";
                });
    }
}
