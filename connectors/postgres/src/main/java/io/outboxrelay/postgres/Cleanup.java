package io.outboxrelay.postgres;

import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.IntConsumer;
import java.util.stream.Collectors;

import io.outboxrelay.api.AfterDelivery;
import io.outboxrelay.api.Code;
import io.outboxrelay.api.CodedSqlException;
import io.outboxrelay.api.EventHandler;
import io.outboxrelay.api.OutboxDatabase;
import io.outboxrelay.api.OutboxEvent;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Does what {@link OutboxDatabase#afterDelivery()} says with settled rows, on a thread of its own: collects what was
 * settled and removes or marks it in few statements, at most at the configured rate. A row is never touched before it is
 * settled. Safe for use by many threads.
 *
 * <p>A statement that fails is tried again a few times. Then, or once the right to read the outbox has ended
 * ({@link OutboxDatabase#right}), the cleanup has failed for good: every stage fails, and {@link #failure} tells why, so that the run can end. Nothing is lost by that: what was not
 * cleaned is sent again.
 */
public final class Cleanup implements AutoCloseable {

    private static final Logger log = LoggerFactory.getLogger(Cleanup.class);

    /** How long settled rows wait for company: few large statements cost the server less than many small ones. */
    private static final Duration LINGER = Duration.ofMillis(20);

    private static final Duration PAUSE = Duration.ofMillis(300);
    private static final int TRIES = 4;

    /** So many statements' worth of rows may wait before {@link #awaitRoom} says no. */
    private static final int STATEMENTS_WAITING = 50;

    /** The same for a reader of the table, which must leave out by name what is not gone yet. */
    private static final int STATEMENTS_WAITING_IN_THE_TABLE = 4;

    private final CleanupStatement statement;
    private final Thread thread;
    private final int rowsPerStatement;
    private final int rowsPerSecond;
    private final int statementsWaiting;

    private final Deque<Row> waiting = new ArrayDeque<>();
    private long removed;
    private long nextAllowed = System.nanoTime();
    private boolean started;
    private boolean closed;
    private SQLException failure;

    /** What was handed over together. Open until it is delivered and each of its rows is cleaned. */
    private static final class Batch {
        private final AtomicInteger open;
        private final IntConsumer cleaned;
        private final CompletableFuture<Void> done = new CompletableFuture<>();

        Batch(int rows, IntConsumer cleaned) {
            this.open = new AtomicInteger(rows + 1);
            this.cleaned = cleaned;
        }

        void closeOne() {
            if (open.decrementAndGet() == 0) {
                done.complete(null);
            }
        }
    }

    /** A settled row that no statement has taken yet. */
    private record Row(RowKey key, Batch batch, int index) {}

    private Cleanup(OutboxDatabase database, Optional<CleanupStatement> statement, int statementsWaiting) {
        AfterDelivery after = database.afterDelivery();
        this.statement = statement.orElse(null);
        this.statementsWaiting = statementsWaiting;
        this.rowsPerSecond = after.rowsPerSecond();
        // A tenth of a second's worth at most, so that the rate is even.
        this.rowsPerStatement =
                rowsPerSecond == 0 ? after.batchRows() : Math.min(after.batchRows(), Math.max(1, rowsPerSecond / 10));
        this.thread = new Thread(this::work, "outbox-relay-cleanup");
        thread.setDaemon(true);
    }

    /**
     * For a source that reads the log. Rows of a partition that will be dropped as a whole stay.
     *
     * <p>The server need not flush the deletes by themselves ({@code synchronous_commit = off}): the checkpoint that
     * follows them is flushed, and with it all log before it. A crash of the server before that brings rows back that the
     * log sends again anyway.
     *
     * @param database whose rows are removed or marked, by connections of its pool
     */
    public static Cleanup ofLogReader(OutboxDatabase database) {
        return new Cleanup(
                database,
                switch (database.afterDelivery().action()) {
                    case DELETE, MARK -> Optional.of(new CleanupStatement(database, false));
                    case DROP_PARTITION, KEEP -> Optional.empty();
                },
                STATEMENTS_WAITING);
    }

    /**
     * For a source that reads the table: rows of a partition are removed too, or they would be read again.
     *
     * <p>Every delete is flushed ({@code synchronous_commit = on}): nothing that follows would do it, and rows that a crash
     * of the server brings back are sent again. One flush for a whole statement costs little.
     *
     * @param database whose rows are removed or marked, by connections of its pool
     */
    public static Cleanup ofTableReader(OutboxDatabase database) {
        return new Cleanup(
                database,
                switch (database.afterDelivery().action()) {
                    case DELETE, MARK, DROP_PARTITION -> Optional.of(new CleanupStatement(database, true));
                    case KEEP -> Optional.empty();
                },
                STATEMENTS_WAITING_IN_THE_TABLE);
    }

    /** Whether anything is done with rows at all. If not, no keys are needed. */
    public boolean isNeeded() {
        return statement != null;
    }

    /**
     * Hands a batch over, and removes or marks each of its rows as soon as that one is settled, in the order in which they
     * are: so what a run leaves in the table of an aggregate has no hole, and one event that waits for an operator leaves
     * no other row behind. Blocks as {@link EventHandler#deliver} does.
     *
     * @param keys of each event, in their order. A row whose key has no value stays
     * @param cleaned told of each row that is gone or marked, or is not there, by its index; not where nothing is to be done
     * @return completes when all events are settled and their rows cleaned. Completes exceptionally if that failed, and
     *     after {@link #close}
     */
    public CompletionStage<Void> deliver(
            EventHandler handler, List<OutboxEvent> events, List<RowKey> keys, IntConsumer cleaned)
            throws InterruptedException {
        if (statement == null) {
            return handler.deliver(events, event -> {});
        }
        RowKey[] left = keys.toArray(RowKey[]::new);
        Batch batch = new Batch(left.length, cleaned);
        handler.deliver(events, event -> {
                    Row row = new Row(left[event], batch, event);
                    left[event] = null; // One event that waits would keep the keys of all.
                    settled(row);
                })
                .whenComplete((nothing, failed) -> {
                    if (failed == null) {
                        batch.closeOne();
                    } else {
                        batch.done.completeExceptionally(failed);
                    }
                });
        return batch.done;
    }

    /**
     * Waits until not too many settled rows wait to be cleaned, so that a source that is faster than the cleanup, or than
     * the configured rate, does not fill the memory with them.
     *
     * @return false if there were still too many then
     */
    public synchronized boolean awaitRoom(Duration atMost) throws InterruptedException {
        long deadline = System.nanoTime() + atMost.toNanos();
        while (waiting.size() > (long) statementsWaiting * rowsPerStatement && !hasEnded()) {
            long left = deadline - System.nanoTime();
            if (left <= 0) {
                return false;
            }
            TimeUnit.NANOSECONDS.timedWait(this, left);
        }
        return true;
    }

    /** How many rows were removed or marked. */
    public synchronized long removed() {
        return removed;
    }

    /** Why nothing more is cleaned: its message names the table, and what was tried. Empty while all is well. */
    public synchronized Optional<SQLException> failure() {
        return Optional.ofNullable(failure);
    }

    /** Removes nothing more. Waits for the statement that runs. */
    @Override
    public void close() {
        synchronized (this) {
            closed = true;
            notifyAll();
        }
        try {
            thread.join();
        } catch (InterruptedException e) {
            log.warn(
                    "{} Interrupted while settled rows were being cleaned; the statement ends by itself",
                    Code.CLEANUP_FAILED);
            Thread.currentThread().interrupt();
        }
        refuseWaiting();
    }

    private void settled(Row row) {
        if (row.key().value() == null) {
            row.batch().closeOne();
            return;
        }
        synchronized (this) {
            if (!hasEnded()) {
                if (!started) {
                    started = true;
                    thread.start();
                }
                waiting.add(row);
                if (waiting.size() == 1 || waiting.size() == rowsPerStatement) {
                    notifyAll();
                }
                return;
            }
        }
        row.batch().done.completeExceptionally(reason());
    }

    private void work() {
        try {
            while (awaitWork()) {
                clean();
            }
        } catch (InterruptedException e) {
            log.debug("Interrupted", e);
        } catch (SQLException e) {
            fail(e);
        } catch (RuntimeException | Error e) {
            fail(new SQLException("settled rows could not be cleaned: " + e, e));
        }
        refuseWaiting();
    }

    /** False once closed. */
    private synchronized boolean awaitWork() throws InterruptedException {
        while (!closed && waiting.isEmpty()) {
            wait();
        }
        long ready = System.nanoTime() + LINGER.toNanos();
        while (!closed) {
            long now = System.nanoTime();
            long left = Math.max(nextAllowed, waiting.size() < rowsPerStatement ? ready : now) - now;
            if (left <= 0) {
                return true;
            }
            TimeUnit.NANOSECONDS.timedWait(this, left);
        }
        return false;
    }

    /**
     * The log tells of a row before others see it: a commit is in the log first, and only when it has been flushed, and
     * confirmed by synchronous standbys, does its transaction end. A row that is not found may be one of those. They are
     * put back, so that none stays behind; the others that are not found are gone already.
     */
    private void clean() throws SQLException, InterruptedException {
        List<Row> taken = take();
        List<Row> rows = taken;
        List<Row> unseen = List.of();
        long began = System.nanoTime();
        long cleaned;
        try {
            cleaned = execute(rows);
            if (cleaned < rows.size()) {
                Set<Long> open = statement.open(transactions(rows));
                unseen = rows.stream()
                        .filter(row -> open.contains(row.key().transaction()))
                        .toList();
                rows = rows.stream()
                        .filter(row -> !open.contains(row.key().transaction()))
                        .toList();
                cleaned += execute(rows);
            }
        } catch (SQLException | InterruptedException | RuntimeException e) {
            // Refused with all others, once it is known why: whoever hears of it may ask.
            putBack(taken);
            throw e;
        }
        synchronized (this) {
            removed += cleaned;
            if (!unseen.isEmpty()) {
                putBack(unseen);
                nextAllowed = Math.max(nextAllowed, began + LINGER.toNanos());
            }
            if (rowsPerSecond > 0) {
                nextAllowed = Math.max(nextAllowed, began) + rows.size() * TimeUnit.SECONDS.toNanos(1) / rowsPerSecond;
            }
            notifyAll();
        }
        for (Row row : rows) {
            row.batch().cleaned.accept(row.index());
            row.batch().closeOne();
        }
    }

    private synchronized List<Row> take() {
        List<Row> rows = new ArrayList<>(Math.min(waiting.size(), rowsPerStatement));
        while (!waiting.isEmpty() && rows.size() < rowsPerStatement) {
            rows.add(waiting.remove());
        }
        return rows;
    }

    /** Before those that come later: what a crash or a promotion leaves of an aggregate are then its last rows, without a gap. */
    private synchronized void putBack(List<Row> rows) {
        for (int i = rows.size() - 1; i >= 0; i--) {
            waiting.addFirst(rows.get(i));
        }
    }

    private static Set<Long> transactions(List<Row> rows) {
        return rows.stream()
                .map(row -> row.key().transaction())
                .filter(transaction -> transaction != RowKey.SEEN)
                .collect(Collectors.toSet());
    }

    private long execute(List<Row> rows) throws SQLException, InterruptedException {
        if (rows.isEmpty()) {
            return 0;
        }
        List<Object> keys = rows.stream().map(row -> row.key().value()).toList();
        for (int tries = 1; ; tries++) {
            try {
                return statement.execute(keys);
            } catch (CodedSqlException e) {
                throw e; // The right has ended, and does not come back.
            } catch (SQLException e) {
                if (tries == TRIES) {
                    throw new SQLException(
                            "settled rows of " + statement + " could not be " + statement.verb() + ", " + TRIES
                                    + " times: " + e.getMessage() + ". They stay, and are sent again",
                            e.getSQLState(),
                            e);
                }
                log.info("Settled rows could not be {} yet: {}", statement.verb(), e.getMessage());
                awaitRetry();
            }
        }
    }

    private synchronized void awaitRetry() throws SQLException, InterruptedException {
        long deadline = System.nanoTime() + PAUSE.toNanos();
        while (!closed) {
            long left = deadline - System.nanoTime();
            if (left <= 0) {
                return;
            }
            TimeUnit.NANOSECONDS.timedWait(this, left);
        }
        throw reason();
    }

    private synchronized void fail(SQLException reason) {
        failure = closed ? null : reason;
        notifyAll();
    }

    private synchronized boolean hasEnded() {
        return closed || failure != null;
    }

    private synchronized SQLException reason() {
        return failure == null ? new SQLException("nothing more is cleaned: the source was closed") : failure;
    }

    private void refuseWaiting() {
        List<Row> refused;
        synchronized (this) {
            refused = List.copyOf(waiting);
            waiting.clear();
        }
        refused.forEach(row -> row.batch().done.completeExceptionally(reason()));
    }
}
