package io.outboxrelay.source.polling;

import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;

import io.outboxrelay.api.EventHandler;
import io.outboxrelay.api.OutboxDatabase;
import io.outboxrelay.postgres.Cleanup;
import io.outboxrelay.postgres.Partitions;
import io.outboxrelay.schema.OutboxTable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Looks after one shard, on a thread of its own: first what is in detached partitions, then the outbox, over and over. */
final class Lane {

    private static final Logger log = LoggerFactory.getLogger(Lane.class);

    private static final String NO_TABLE = "42P01";

    private static final Duration LOOK = Duration.ofMillis(200);

    /** How long an idle lane relies on being woken. */
    private static final Duration ASLEEP = Duration.ofSeconds(30);

    /** A DETACH that somebody began before the run may come to its end during it. */
    private static final long LOOK_FOR_DETACHED_NANOS = Duration.ofSeconds(30).toNanos();

    /** What a lane needs of the run that it is part of. */
    interface Run {

        /** Called by each lane before it hands over anything. */
        void laneStarted() throws InterruptedException;

        /** Whether the locks are held for certain. */
        boolean isLockHeld();

        /** Called once, when the lane has ended, by itself or by a failure. */
        void laneEnded();
    }

    private final int shard;
    private final PollingSettings settings;
    private final OutboxDatabase database;
    private final EventHandler handler;
    private final Bell bell;
    private final Run run;
    private final ShardReader outbox;
    private final List<Cleanup> cleanups = new ArrayList<>();
    private final Thread thread;

    /** What was handed over, of each table that was read. */
    private final List<InFlight> inFlight = new CopyOnWriteArrayList<>();

    private final Set<OutboxTable> emptied = new HashSet<>();
    private long lookForDetached = System.nanoTime();
    private Duration interval;

    private volatile boolean draining;
    private volatile boolean caughtUp;
    private volatile boolean ended;
    private volatile Throwable failure;

    Lane(
            int shard,
            PollingSettings settings,
            OutboxDatabase database,
            Cleanup cleanup,
            EventHandler handler,
            Bell bell,
            Run run) {
        this.shard = shard;
        this.settings = settings;
        this.database = database;
        this.handler = handler;
        this.bell = bell;
        this.run = run;
        this.outbox = new ShardReader(database, settings, shard, cleanup);
        this.interval = settings.minPollInterval();
        this.thread = new Thread(this::work, "outbox-relay-shard-" + shard);
        thread.setDaemon(true);
    }

    void start() {
        thread.start();
    }

    int shard() {
        return shard;
    }

    /** Reads no more, and ends when all that was handed over is settled and cleaned. */
    void drain() {
        draining = true;
        bell.ring();
    }

    boolean isDraining() {
        return draining;
    }

    /** Ends now. Waits for the thread. */
    void close() throws InterruptedException {
        thread.interrupt();
        thread.join();
    }

    boolean hasEnded() {
        return ended;
    }

    /** Why it ended, if it failed; else null. */
    Throwable failure() {
        return failure;
    }

    /** Whether all that was handed over is settled and cleaned. */
    boolean isSettled() {
        return inFlight.stream().allMatch(InFlight::isEmpty);
    }

    /** Whether it has lately read all there was. */
    boolean isCaughtUp() {
        return caughtUp;
    }

    private void work() {
        try {
            run.laneStarted();
            inFlight.add(outbox.inFlight());
            while (!draining) {
                emptyDetached();
                poll();
            }
            for (InFlight rows : inFlight) {
                while (!rows.awaitEmpty(LOOK)) {
                    // The broker takes its time.
                }
            }
        } catch (InterruptedException e) {
            // The thread ends with this; the cleanups below wait for the statement that runs.
            log.debug("Shard {} is read no more", shard, e);
        } catch (SQLException | RuntimeException | Error e) {
            failure = e;
        } finally {
            cleanups.forEach(Cleanup::close);
            ended = true;
            run.laneEnded();
        }
    }

    private void emptyDetached() throws SQLException, InterruptedException {
        if (System.nanoTime() - lookForDetached < 0) {
            return;
        }
        for (OutboxTable partition : detached()) {
            if (emptied.add(partition)) {
                empty(partition);
            }
        }
        lookForDetached = System.nanoTime() + LOOK_FOR_DETACHED_NANOS;
    }

    private List<OutboxTable> detached() throws SQLException {
        try (Connection connection = database.dataSource().getConnection()) {
            return Partitions.detached(connection, database);
        }
    }

    /** Hands over all that is in a table into which nobody writes any more. */
    private void empty(OutboxTable table) throws SQLException, InterruptedException {
        OutboxDatabase detached = database.with(table);
        Cleanup cleanup = Cleanup.ofTableReader(detached);
        cleanups.add(cleanup);
        ShardReader reader = new ShardReader(detached, settings, shard, cleanup);
        inFlight.add(reader.inFlight());
        boolean isEmpty = false;
        try {
            while (!isEmpty && !draining) {
                isEmpty = turn(reader) && reader.isEmpty();
            }
        } catch (SQLException e) {
            if (!NO_TABLE.equals(e.getSQLState())) {
                throw e;
            }
            log.debug("{} was empty and has been dropped", table, e);
        }
    }

    private void poll() throws SQLException, InterruptedException {
        long heard = bell.rings();
        if (!turn(outbox)) {
            return;
        }
        caughtUp = !outbox.isFull();
        if (outbox.isEmpty()) {
            boolean isIdle = interval.compareTo(settings.maxPollInterval()) >= 0;
            bell.await(heard, isIdle ? ASLEEP : interval);
            interval = isIdle ? interval : interval.multipliedBy(2);
            return;
        }
        interval = settings.minPollInterval();
        if (!outbox.isFull()) {
            // Even if notifications say that there is more: a page of some rows costs hardly more than a page of one.
            TimeUnit.NANOSECONDS.sleep(interval.toNanos());
        }
    }

    /** Reads one page and hands it over; false if it was not the time. */
    private boolean turn(ShardReader reader) throws SQLException, InterruptedException {
        if (!reader.inFlight().awaitCleaned(LOOK) || !handler.awaitRoom(LOOK)) {
            return false;
        }
        reader.read();
        if (!run.isLockHeld()) {
            // Another process may have the shard by now, and may have sent what was read here.
            TimeUnit.NANOSECONDS.sleep(settings.minPollInterval().toNanos());
            return false;
        }
        reader.handOver(handler);
        return true;
    }
}
