package io.outboxrelay.postgres;

import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;

import io.outboxrelay.postgres.DetachedPartitions.Entry;
import io.outboxrelay.postgres.DetachedPartitions.State;
import io.outboxrelay.postgres.PartitionedOutbox.Partition;
import io.outboxrelay.schema.OutboxTable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Detaches past partitions, and drops those that hold nothing unsent. Used by one thread, but for {@link #end}. */
final class PastPartitions {

    private static final Logger log = LoggerFactory.getLogger(PastPartitions.class);

    // Whoever holds a number took it in a transaction, and every transaction holds its own virtualxid. Other views tell
    // less without pg_monitor. Without a user: the server's own workers.
    private static final String OPEN_TRANSACTIONS = """
            SELECT l.virtualxid FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
            WHERE l.locktype = 'virtualxid' AND l.mode = 'ExclusiveLock' AND l.granted AND l.pid <> pg_backend_pid()
              AND a.datid = (SELECT oid FROM pg_database WHERE datname = current_database())
              AND a.usesysid IS NOT NULL""";

    private final OutboxTable table;

    /** Empty for a reader of the table. */
    private final Optional<Supplier<Optional<Lsn>>> settled;

    private final String lockTimeout;
    private final Attempts attempts;
    private final DetachedPartitions records;

    /** The transactions that were open when a partition came up for a step, and still are; by the partition's number. */
    private final Map<Long, Set<String>> waitingFor = new HashMap<>();

    private volatile boolean ended;

    /** The one statement that may take long, to be cancelled at the end. */
    private volatile Statement longest;

    /** @param lockTimeout what the sessions that it is given are set to */
    PastPartitions(
            OutboxTable table, Optional<Supplier<Optional<Lsn>>> settled, String lockTimeout, Attempts attempts) {
        this.table = table;
        this.settled = settled;
        this.lockTimeout = lockTimeout;
        this.attempts = attempts;
        this.records = new DetachedPartitions(table);
    }

    /** Whether it is known what is settled: without that nothing is detached or dropped. */
    boolean isReady() {
        return settled.isEmpty() || settled.get().get().isPresent();
    }

    /** Begins nothing more, and cancels a DETACH that waits; whoever comes next ends it. Any thread may call it. */
    void end() {
        ended = true;
        Statement waiting = longest;
        if (waiting != null) {
            try {
                waiting.cancel();
            } catch (SQLException e) {
                log.debug("A DETACH of {} goes on until its timeout", table, e);
            }
        }
    }

    /** Goes on with what was begun: by an earlier round, or by a process that is gone. */
    void takeUp(Connection connection) throws SQLException {
        for (Entry entry : records.entries(connection)) {
            switch (entry.state()) {
                case ATTACHED, GONE ->
                    attempts.attempt("forget " + entry.name(), () -> records.forget(connection, entry));
                case DETACHING -> finish(connection, entry);
                case DETACHED -> {
                    if (entry.detached().isEmpty()) {
                        attempts.attempt(
                                "note that " + entry.name() + " is detached", () -> records.note(connection, entry));
                    } else {
                        dropIfDone(connection, entry);
                    }
                }
                case FOREIGN -> log.debug("{} is not the table that was detached: left alone", entry.name());
            }
        }
    }

    /**
     * Only when every transaction has ended that was open when the interruption was seen. FINALIZE waits for older
     * snapshots while it holds the partition locked, and a reader with such a snapshot may want the partition.
     */
    private void finish(Connection connection, Entry entry) throws SQLException {
        if (isQuiet(connection, entry.oid())) {
            boolean done = attempts.attempt(
                    "finish the DETACH of " + entry.name(),
                    () -> Attempts.execute(
                            connection,
                            "ALTER TABLE " + table.quoted() + " DETACH PARTITION "
                                    + entry.table().quoted() + " FINALIZE"));
            if (done) {
                detached(connection, entry.oid());
            }
        }
    }

    private void dropIfDone(Connection connection, Entry entry) throws SQLException {
        boolean byLog = settled.isPresent();
        if (byLog
                && settled.get()
                        .get()
                        .filter(position -> !entry.detached().orElseThrow().isAfter(position))
                        .isEmpty()) {
            return;
        }
        attempts.attempt("drop " + entry.name(), () -> {
            if (records.drop(connection, entry, !byLog)) {
                log.info("Dropped {}: everything in it is delivered", entry.name());
            }
        });
    }

    /** Whether one was detached. */
    boolean detachPast(Connection connection, PartitionedOutbox outbox) throws SQLException {
        boolean busy = outbox.partitions().stream().anyMatch(Partition::isDetaching);
        if (busy || outbox.defaultPartition().isPresent()) {
            // One at a time, and none beside a default partition: the server refuses it.
            return false;
        }
        boolean changed = false;
        List<Partition> behind = outbox.behind();
        for (Partition partition : behind.subList(0, Math.max(0, behind.size() - 1))) {
            if (ended || !partition.isTable() || !isQuiet(connection, partition.oid())) {
                continue;
            }
            if (settled.isEmpty() && DetachedPartitions.holdsRows(connection, partition.quoted())) {
                continue;
            }
            if (!attempts.attempt("detach " + partition, () -> detach(connection, partition))) {
                return changed;
            }
            changed = true;
        }
        return changed;
    }

    private void detach(Connection connection, Partition partition) throws SQLException {
        records.begin(connection, partition);
        waitingFor.remove(partition.oid());
        // It waits for every transaction that uses the outbox now, and holds no lock meanwhile.
        Attempts.execute(connection, "SET lock_timeout = 0");
        try (Statement statement = connection.createStatement()) {
            longest = statement;
            if (!ended) {
                statement.execute(
                        "ALTER TABLE " + table.quoted() + " DETACH PARTITION " + partition.quoted() + " CONCURRENTLY");
            }
        } finally {
            longest = null;
            if (!connection.isClosed()) {
                Attempts.execute(connection, "SET lock_timeout = '" + lockTimeout + "'");
            }
        }
        detached(connection, partition.oid());
    }

    private void detached(Connection connection, long oid) throws SQLException {
        waitingFor.remove(oid);
        for (Entry entry : records.entries(connection)) {
            if (entry.oid() == oid && entry.state() == State.DETACHED) {
                records.note(connection, entry);
                log.info("Detached {} from {}", entry.name(), table);
            }
        }
    }

    /** Whether all transactions have ended that were open when this was first asked about the partition. */
    private boolean isQuiet(Connection connection, long oid) throws SQLException {
        Set<String> open = new HashSet<>();
        try (Statement statement = connection.createStatement();
                ResultSet rows = statement.executeQuery(OPEN_TRANSACTIONS)) {
            while (rows.next()) {
                open.add(rows.getString(1));
            }
        }
        Set<String> left = waitingFor.computeIfAbsent(oid, first -> new HashSet<>(open));
        left.retainAll(open);
        return left.isEmpty();
    }
}
