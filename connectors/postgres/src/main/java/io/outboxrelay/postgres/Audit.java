package io.outboxrelay.postgres;

import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Supplier;
import java.util.stream.Collectors;

import io.outboxrelay.api.AfterDelivery;
import io.outboxrelay.api.Code;
import io.outboxrelay.api.EventHandler;
import io.outboxrelay.api.OutboxDatabase;
import io.outboxrelay.api.OutboxEvent;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Checks the log against the table: a committed row that the position has passed, and that is neither gone nor marked,
 * was never sent. Such rows are named in the log file, published in the order of {@code seq} and cleaned up. They come
 * behind later events of their aggregates, which were sent already.
 *
 * <p>Exact, where settled rows are gone or marked <em>before</em> the position passes them: what is in flight, halted or
 * of an open transaction is never taken for missed. A row counts once it was seen unchanged for the given time, in two
 * looks at least, and the position was behind its commit before the last of them. One look is one query for the oldest
 * unsent rows, ten times within the given time and at least every half minute. When more are missed than one look sees,
 * the others follow as soon as the position has passed the next look.
 *
 * <p>Works on a thread of its own, which is a lane of its own for the handler. One instance belongs to one run.
 */
public final class Audit implements AutoCloseable {

    private static final Logger log = LoggerFactory.getLogger(Audit.class);

    private static final int SEEN_ROWS = 5_000;
    private static final int PAGE_ROWS = 1_000;
    private static final long PAGE_BYTES = 4_000_000;
    private static final int NAMED = 20;
    private static final Duration LONGEST_PAUSE = Duration.ofSeconds(30);
    private static final Duration SHORTEST_PAUSE = Duration.ofMillis(500);
    private static final Duration HURRY = Duration.ofSeconds(30);
    private static final Duration CLOSE_LIMIT = Duration.ofSeconds(5);

    private final OutboxDatabase database;
    private final Cleanup cleanup;
    private final Supplier<Optional<Lsn>> settled;
    private final Duration after;
    private final Sightings sightings;
    private final OutboxRows rows;

    private final CountDownLatch ending = new CountDownLatch(1);
    private final AtomicLong missed = new AtomicLong();
    private Thread thread;
    private boolean failing;
    private long hurryUntil = System.nanoTime();

    /** Handed over and not cleaned up yet, by {@code seq}; its own lock. */
    private final Set<Long> open = new HashSet<>();

    /**
     * @param database where {@link #isPossible} is true
     * @param cleanup what removes or marks the rows that the audit has published
     * @param settled up to where every transaction of the log is settled, its rows gone or marked; empty while that is not
     *     known, as while a hand-over from the table is not settled. Any thread may ask it; it does not block
     * @param after how long a row must be there before it counts as missed
     */
    public Audit(OutboxDatabase database, Cleanup cleanup, Supplier<Optional<Lsn>> settled, Duration after) {
        this.database = database;
        this.cleanup = cleanup;
        this.settled = settled;
        this.after = after;
        this.sightings = new Sightings(database);
        this.rows = new OutboxRows(database);
    }

    /** Whether the table tells row by row what is unsent, in an order: it has a {@code seq}, and settled rows go or are marked. */
    public static boolean isPossible(OutboxDatabase database) {
        AfterDelivery.Action action = database.afterDelivery().action();
        return database.table().columns().seq().isPresent()
                && (action == AfterDelivery.Action.DELETE || action == AfterDelivery.Action.MARK);
    }

    /** Starts to look. The handler must have been told that the source streams. Called once. */
    public synchronized void start(EventHandler handler) {
        if (ending.getCount() == 0) {
            return;
        }
        thread = new Thread(() -> work(handler), "outbox-relay-audit");
        thread.setDaemon(true);
        thread.start();
    }

    /** How many missed rows were found and handed over. */
    public long missed() {
        return missed.get();
    }

    /**
     * Hands over nothing more, and waits until what was handed over is settled and cleaned up.
     *
     * @return whether it was
     */
    public boolean stop(Duration atMost) throws InterruptedException {
        long deadline = System.nanoTime() + atMost.toNanos();
        Thread ended = end();
        if (ended != null) {
            ended.join(Math.max(1, atMost.toMillis()));
        }
        synchronized (open) {
            for (long left = deadline - System.nanoTime();
                    !open.isEmpty() && left > 0;
                    left = deadline - System.nanoTime()) {
                TimeUnit.NANOSECONDS.timedWait(open, left);
            }
            return open.isEmpty();
        }
    }

    /** Hands over nothing more. Waits a bounded time for a query that runs. */
    @Override
    public void close() {
        Thread ended = end();
        if (ended != null && ended != Thread.currentThread()) {
            ended.interrupt();
            try {
                ended.join(CLOSE_LIMIT.toMillis());
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
    }

    private synchronized Thread end() {
        ending.countDown();
        return thread;
    }

    private void work(EventHandler handler) {
        try {
            Duration pause = pause();
            while (!ending.await(pause.toMillis(), TimeUnit.MILLISECONDS)) {
                pause = round(handler) ? Duration.ZERO : pause();
            }
        } catch (InterruptedException e) {
            log.debug("The audit of {} ends", database.table());
        } catch (RuntimeException e) {
            if (ending.getCount() > 0) {
                log.error("{} The audit of {} has ended, until the next run", Code.AUDIT_FAILS, database.table(), e);
            }
        }
    }

    private Duration pause() {
        Duration longest = isHurried() ? SHORTEST_PAUSE : LONGEST_PAUSE;
        Duration tenth = after.dividedBy(10).plusMillis(1);
        return tenth.compareTo(longest) < 0 ? tenth : longest;
    }

    private boolean isHurried() {
        return System.nanoTime() - hurryUntil < 0;
    }

    /** Whether rows were found, so that there may be more. */
    private boolean round(EventHandler handler) throws InterruptedException {
        try {
            Optional<Lsn> position = settled.get();
            List<Long> found = look(position);
            failing = false;
            if (found.isEmpty()) {
                return false;
            }
            while (!handler.awaitRoom(Duration.ofSeconds(1))) {
                if (ending.getCount() == 0) {
                    return false;
                }
            }
            List<OutboxEvent> events = read(found);
            if (events.isEmpty() || ending.getCount() == 0) {
                return false;
            }
            tell(events, position.orElseThrow());
            publish(handler, events);
            return true;
        } catch (SQLException e) {
            complain(e);
            return false;
        }
    }

    private void complain(SQLException e) {
        if (failing || ending.getCount() == 0) {
            log.debug("The log still cannot be compared with {}", database.table(), e);
        } else {
            log.warn(
                    "{} The log cannot be compared with {}, and that is tried again: {}",
                    Code.AUDIT_FAILS,
                    database.table(),
                    e.getMessage().lines().findFirst().orElse(""));
        }
        failing = true;
    }

    private List<Long> look(Optional<Lsn> position) throws SQLException {
        // Before the look: a row that is cleaned up while the look is on its way is then in the table rightly.
        Set<Long> inFlight;
        synchronized (open) {
            inFlight = Set.copyOf(open);
        }
        try (Connection connection = database.dataSource().getConnection()) {
            sightings.look(connection, inFlight, SEEN_ROWS);
        }
        if (position.isEmpty()) {
            return List.of();
        }
        List<Long> found = sightings.missed(position.get(), isHurried() ? Duration.ZERO : after);
        if (!found.isEmpty() && sightings.count() == SEEN_ROWS) {
            // There are more behind them, not seen before. The time is a courtesy, the position alone decides.
            hurryUntil = System.nanoTime() + HURRY.toNanos();
        }
        return found;
    }

    /** The first of these rows, as far as they are still there. */
    private List<OutboxEvent> read(List<Long> missed) throws SQLException {
        try (Connection connection = database.dataSource().getConnection()) {
            connection.setAutoCommit(false);
            try (Statement statement = connection.createStatement()) {
                statement.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY");
                Set<Long> still = new HashSet<>(sightings.still(connection, missed));
                long first = missed.get(0);
                long last = missed.get(missed.size() - 1);
                OutboxRows.Page page = new OutboxRows.Page(
                        first - 1,
                        last,
                        sightings.between(first, last, still),
                        Optional.empty(),
                        PAGE_ROWS,
                        PAGE_BYTES);
                return rows.read(connection, page).stream()
                        .filter(event -> still.contains(SeqPosition.of(event)))
                        .toList();
            } finally {
                connection.rollback();
                connection.setAutoCommit(true);
            }
        }
    }

    private void tell(List<OutboxEvent> events, Lsn position) {
        missed.addAndGet(events.size());
        String names = events.stream().limit(NAMED).map(OutboxEvent::name).collect(Collectors.joining(", "));
        log.error(
                "{} {} rows of {} were committed before {}, up to where the log has been relayed, and were never sent."
                        + " They are published now, behind later events of their aggregates. Likely causes: the"
                        + " publication was altered or has a row filter, or rows were put back or set to unsent by hand."
                        + " Ids: {}{}",
                Code.ROWS_MISSED,
                events.size(),
                database.table(),
                position,
                names,
                events.size() > NAMED ? " and " + (events.size() - NAMED) + " more" : "");
    }

    private void publish(EventHandler handler, List<OutboxEvent> events) throws InterruptedException {
        List<Long> keys = events.stream().map(SeqPosition::of).toList();
        synchronized (open) {
            open.addAll(keys);
        }
        cleanup.deliver(handler, events, events.stream().map(RowKey::seen).toList(), row -> {})
                .whenComplete((nothing, failure) -> cleanedUp(keys, failure));
    }

    private void cleanedUp(Collection<Long> keys, Throwable failure) {
        if (failure == null) {
            synchronized (open) {
                open.removeAll(keys);
                open.notifyAll();
            }
        } else if (ending.getCount() > 0) {
            // They stay among the open ones: this run does not publish them again.
            log.warn(
                    "{} {} rows of {} that the audit has published could not be cleaned up; the next run finds them again",
                    Code.CLEANUP_FAILED,
                    keys.size(),
                    database.table(),
                    failure);
        }
    }
}
