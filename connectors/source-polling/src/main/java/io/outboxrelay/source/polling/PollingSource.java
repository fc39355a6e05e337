package io.outboxrelay.source.polling;

import java.sql.SQLException;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

import io.outboxrelay.api.Code;
import io.outboxrelay.api.EventHandler;
import io.outboxrelay.api.OutboxDatabase;
import io.outboxrelay.api.OutboxSource;
import io.outboxrelay.api.SourceBusyException;
import io.outboxrelay.api.SourceStatus;
import io.outboxrelay.postgres.Cleanup;
import io.outboxrelay.postgres.Partitions;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One run over the table: takes this process's share of the shards, runs a {@link Lane} for each, and renews the lease.
 */
final class PollingSource implements OutboxSource, Lane.Run {

    private static final Logger log = LoggerFactory.getLogger(PollingSource.class);

    /** Of the length of the lease, how much goes by before it is renewed: once may be too late. */
    private static final double RENEWAL = 0.4;

    /** How soon to look again while shards change hands. */
    private static final Duration SOON = Duration.ofMillis(200);

    /** How long to wait for a shard: one that may just have been given back, or one that others owe to this process. */
    private static final Duration WAIT_FREE = Duration.ofSeconds(5);

    private static final Duration WAIT_OWED = Duration.ofSeconds(30);

    private static final Duration CLOSE_LIMIT = Duration.ofSeconds(30);

    private final OutboxDatabase database;
    private final PollingSettings settings;
    private final Bell bell = new Bell();
    private final CountDownLatch ended = new CountDownLatch(1);

    /** Changed by the thread of the run alone. */
    private final List<Lane> lanes = new CopyOnWriteArrayList<>();

    private final Object announcing = new Object();
    private boolean streaming;

    // Guarded by this.
    private boolean started;
    private boolean stopping;
    private boolean closed;
    private boolean allSettled = true;
    private Exception failure;
    private boolean changed;

    private volatile ShardLocks locks;
    private volatile Cleanup cleanup;
    private EventHandler handler;

    PollingSource(OutboxDatabase database, PollingSettings settings) {
        this.database = database;
        this.settings = settings;
    }

    @Override
    public void run(EventHandler events) throws Exception {
        synchronized (this) {
            if (closed || stopping) {
                return;
            }
            started = true;
            handler = events;
        }
        if (!database.afterDelivery().tableIsQueue()) {
            ended.countDown();
            throw new IllegalStateException(
                    "with outbox.after-delivery = keep the table does not tell what is unsent, so it cannot be polled");
        }
        try (ShardLocks joined = ShardLocks.join(database, settings);
                Cleanup cleaning = Cleanup.ofTableReader(database);
                Partitions partitions = Partitions.ofTableReader(database);
                Watch watch = Watch.open(database, settings, bell, this::fail)) {
            locks = joined;
            cleanup = cleaning;
            FormerLog.giveUp(database)
                    .forEach(left -> log.warn("{} {}", left.code().orElseThrow(), left.line()));
            partitions.start();
            watch.start();
            try {
                work();
            } finally {
                closeLanes();
            }
        } finally {
            ended.countDown();
        }
    }

    @Override
    public boolean stop(Duration atMost) throws InterruptedException {
        boolean isRunning;
        synchronized (this) {
            stopping = true;
            isRunning = started;
            wake();
        }
        boolean isDone = !isRunning || ended.await(atMost.toNanos(), TimeUnit.NANOSECONDS);
        close();
        synchronized (this) {
            return isDone && allSettled && failure == null;
        }
    }

    @Override
    public SourceStatus status() {
        Cleanup cleaning = cleanup;
        List<Lane> now = List.copyOf(lanes);
        return new SourceStatus(
                !now.isEmpty() && now.stream().allMatch(Lane::isCaughtUp),
                Optional.empty(),
                cleaning == null ? 0 : cleaning.removed(),
                0);
    }

    @Override
    public void close() {
        synchronized (this) {
            closed = true;
            wake();
            if (!started) {
                return;
            }
        }
        try {
            if (!ended.await(CLOSE_LIMIT.toMillis(), TimeUnit.MILLISECONDS)) {
                log.warn(
                        "{} The readers of {} have not ended for {} s",
                        Code.READERS_NOT_ENDED,
                        database.table(),
                        CLOSE_LIMIT.toSeconds());
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @Override
    public void laneStarted() throws InterruptedException {
        synchronized (announcing) {
            if (!streaming) {
                streaming = true;
                // Within the lock: no other lane hands over anything before.
                handler.streaming();
            }
        }
        handler.laneBegins(locks.fence());
    }

    @Override
    public boolean isLockHeld() {
        return locks.isHeld();
    }

    @Override
    public void laneEnded() {
        wake();
    }

    private void work() throws Exception {
        long without = System.nanoTime();
        while (!isOver()) {
            locks.look();
            bury();
            boolean isSettled = balance();
            if (!lanes.isEmpty()) {
                without = System.nanoTime();
            }
            Duration limit = locks.share() == 0 ? WAIT_FREE : WAIT_OWED;
            if (System.nanoTime() - without > limit.toNanos()) {
                throw new SourceBusyException(database.table() + " is read already: " + locks.holders());
            }
            await(isSettled ? Duration.ofMillis((long) (settings.lease().toMillis() * RENEWAL)) : SOON);
        }
    }

    private synchronized boolean isOver() throws Exception {
        if (failure != null) {
            throw failure;
        }
        return closed || (stopping && lanes.isEmpty());
    }

    /** Gives back the shards of lanes that have ended. */
    private void bury() throws SQLException {
        for (Lane lane : lanes.stream().filter(Lane::hasEnded).toList()) {
            if (lane.failure() != null) {
                fail(lane.failure());
            } else {
                lanes.remove(lane);
                locks.release(lane.shard());
                wake(); // It may have been the last one, and the end would wait for the next look.
                log.info("No longer reading shard {} of {}", lane.shard(), settings.shards());
            }
        }
    }

    /** Takes free shards and gives away those beyond this process's share; false while that is not finished. */
    private boolean balance() throws SQLException {
        int share = isStopping() ? 0 : locks.share();
        Optional<Integer> free = lanes.size() < share ? locks.takeFree() : Optional.empty();
        while (free.isPresent()) {
            log.info("Reading {} by polling, shard {} of {}", database.table(), free.get(), settings.shards());
            Lane lane = new Lane(free.get(), settings, database, cleanup, handler, bell, this);
            lanes.add(lane);
            lane.start();
            free = lanes.size() < share ? locks.takeFree() : Optional.empty();
        }
        lanes.stream()
                .sorted(Comparator.comparing(Lane::isDraining).reversed().thenComparingInt(lane -> -lane.shard()))
                .limit(Math.max(0, lanes.size() - share))
                .forEach(Lane::drain);
        return lanes.size() == share;
    }

    private synchronized boolean isStopping() {
        return closed || stopping;
    }

    private synchronized void await(Duration atMost) throws InterruptedException {
        long deadline = System.nanoTime() + atMost.toNanos();
        while (!changed) {
            long left = deadline - System.nanoTime();
            if (left <= 0) {
                return;
            }
            TimeUnit.NANOSECONDS.timedWait(this, left);
        }
        changed = false;
    }

    private synchronized void wake() {
        changed = true;
        notifyAll();
    }

    private synchronized void fail(Throwable reason) {
        if (failure == null) {
            failure = reason instanceof Exception exception ? exception : new IllegalStateException(reason);
        }
        wake();
    }

    private void closeLanes() throws InterruptedException {
        for (Lane lane : lanes) {
            lane.close();
        }
        boolean isLeft = lanes.stream().anyMatch(lane -> !lane.isSettled());
        synchronized (this) {
            allSettled = !isLeft;
        }
    }
}
