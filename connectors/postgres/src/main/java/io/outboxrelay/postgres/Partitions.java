package io.outboxrelay.postgres;

import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

import io.outboxrelay.api.AfterDelivery;
import io.outboxrelay.api.Code;
import io.outboxrelay.api.DatabaseTimeouts;
import io.outboxrelay.api.OutboxDatabase;
import io.outboxrelay.postgres.DetachedPartitions.Entry;
import io.outboxrelay.postgres.DetachedPartitions.State;
import io.outboxrelay.schema.OutboxTable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Looks after the partitions of an outbox, where {@link AfterDelivery.Action#DROP_PARTITION} asks for it: makes the coming
 * ones, detaches past ones and drops those that hold nothing unsent. On a thread and a connection of its own; any number
 * of processes may run one each, since an advisory lock lets one of them work at a time.
 *
 * <p>No step stops the inserts of a service: a partition is made as a table of its own and then attached, and is detached
 * {@code CONCURRENTLY}. A partition is detached only when another one lies between it and the one in use, and when every
 * transaction has ended that was open when this was first seen: none is left that may hold one of its numbers, whose insert
 * would fail.
 *
 * <p>Each step leaves the database so that whoever comes next, after a kill at any moment, goes on from there: the record
 * in {@code outbox_relay_partition} comes before the DETACH, an interrupted DETACH is finalized, the place in the log is
 * noted after it, and table and record go in one transaction. Only tables that were partitions of this outbox, and that
 * were detached here, are ever dropped.
 *
 * @see <a href="https://www.postgresql.org/docs/current/sql-altertable.html">ALTER TABLE … DETACH PARTITION</a>
 */
public final class Partitions implements AutoCloseable {

    private static final Logger log = LoggerFactory.getLogger(Partitions.class);

    private static final Duration PAUSE = Duration.ofSeconds(30);

    /** After a round that made or detached partitions: the numbers are running. */
    private static final Duration SHORT_PAUSE = Duration.ofSeconds(2);

    private static final Duration CLOSE_LIMIT = Duration.ofSeconds(5);

    /** The socket's time-out is above the statement's, so that it is the server that ends one, and no session is left behind. */
    private static final Duration ANSWER_ON_TIME_OUT = Duration.ofSeconds(10);

    /** Below deadlock_timeout: a reader that waits for us is then never the one that the server ends. */
    private static final String LOCK_TIMEOUT = "500ms";

    private final OutboxDatabase database;
    private final OutboxTable table;
    private final Attempts attempts = new Attempts();
    private final ComingPartitions coming;
    private final PastPartitions past;
    private final CountDownLatch ending = new CountDownLatch(1);
    private Thread thread;

    private Partitions(OutboxDatabase database, Optional<Supplier<Optional<Lsn>>> settled) {
        this.database = database;
        this.table = database.table();
        this.coming = new ComingPartitions(database, attempts);
        this.past = new PastPartitions(table, settled, LOCK_TIMEOUT, attempts);
    }

    /**
     * For a source that reads the log: a partition is dropped once all that was committed before it was detached is
     * settled.
     *
     * @param settled up to where every transaction of the log is settled; empty while that is not known, as while a
     *     hand-over from the table goes on: then nothing is detached or dropped. Any thread may ask it; it does not block
     */
    public static Partitions ofLogReader(OutboxDatabase database, Supplier<Optional<Lsn>> settled) {
        return new Partitions(database, Optional.of(settled));
    }

    /** For a source that reads the table and deletes rows from it: a partition is detached, and dropped, once it is empty. */
    public static Partitions ofTableReader(OutboxDatabase database) {
        return new Partitions(database, Optional.empty());
    }

    /**
     * Detached partitions of the outbox that are still there, in the order of their numbers: what is in them is no longer
     * seen through the outbox, and older than what is. Whoever reads the table, also in a hand-over, reads them first, and
     * looks again now and then.
     *
     * @return none unless the outbox drops partitions
     */
    public static List<OutboxTable> detached(Connection connection, OutboxDatabase database) throws SQLException {
        return isNeeded(database)
                ? new DetachedPartitions(database.table())
                        .entries(connection).stream()
                                .filter(entry -> entry.state() == State.DETACHING || entry.state() == State.DETACHED)
                                .map(Entry::table)
                                .toList()
                : List.of();
    }

    private static boolean isNeeded(OutboxDatabase database) {
        return database.afterDelivery().action() == AfterDelivery.Action.DROP_PARTITION;
    }

    /** Begins, at once; does nothing unless the outbox drops partitions. Called at most once. */
    public synchronized void start() {
        if (isNeeded(database) && ending.getCount() > 0) {
            thread = new Thread(this::work, "outbox-relay-partitions");
            thread.setDaemon(true);
            thread.start();
        }
    }

    /** Begins nothing more, and cancels a DETACH that waits; whoever comes next ends it. Waits a bounded time. */
    @Override
    public void close() {
        Thread ended;
        synchronized (this) {
            ending.countDown();
            ended = thread;
        }
        past.end();
        if (ended != null && ended != Thread.currentThread()) {
            try {
                ended.join(CLOSE_LIMIT.toMillis());
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
    }

    private void work() {
        try {
            boolean changed;
            do {
                changed = round();
            } while (!ending.await((changed ? SHORT_PAUSE : PAUSE).toMillis(), TimeUnit.MILLISECONDS));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (RuntimeException e) {
            log.error(
                    "{} The partitions of {} are not looked after until the next run", Code.PARTITIONS_FAIL, table, e);
        }
    }

    private boolean round() {
        String what = "look after the partitions of " + table;
        try {
            boolean changed = maintain();
            attempts.succeeded(what);
            return changed;
        } catch (SQLException e) {
            attempts.complain(what, e);
            return false;
        }
    }

    /**
     * One round: whatever can be done now. Blocks for up to {@code database.timeouts.statement} for each of its steps.
     *
     * @return whether partitions were made or detached
     * @throws SQLException if the database cannot be asked. A step that fails is logged, and tried again in the next round
     */
    boolean maintain() throws SQLException {
        Duration limit = database.address().timeouts().statement();
        try (Connection connection = DirectConnection.open(
                database.address(),
                properties -> properties.setProperty(
                        "socketTimeout", DatabaseTimeouts.seconds(limit.plus(ANSWER_ON_TIME_OUT))))) {
            Attempts.execute(connection, "SET statement_timeout = " + limit.toMillis());
            Attempts.execute(connection, "SET lock_timeout = '" + LOCK_TIMEOUT + "'");
            Lease.Key key = Lease.Key.of("outbox-relay", table.toString(), "partitions");
            if (!answersTrue(connection, "SELECT pg_try_advisory_lock(" + key.number() + ")")) {
                return false;
            }
            Session session = Session.of(connection);
            Optional<PartitionedOutbox> outbox = PartitionedOutbox.read(session, table);
            if (outbox.isEmpty() || outbox.get().next().isEmpty()) {
                throw new SQLException(table + " is not partitioned by its sequence; outbox-relay check tells more");
            }
            boolean changed = coming.makeAhead(connection, outbox.get());
            if (past.isReady()) {
                past.takeUp(connection);
                changed |= past.detachPast(connection, outbox.get());
            }
            return changed;
        }
    }

    private static boolean answersTrue(Connection connection, String sql) throws SQLException {
        try (Statement statement = connection.createStatement();
                ResultSet row = statement.executeQuery(sql)) {
            return row.next() && row.getBoolean(1);
        }
    }
}
