package io.outboxrelay.relay.delivery;

import java.util.NavigableSet;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Holds events back that would be sent too fast, in their order: while one waits, none that is later passes. Nobody waits
 * here: what is held back comes again on the clock's thread.
 */
final class Pace implements AutoCloseable {

    /** Who sends. */
    interface Owner {

        /** May have its turn, and asks again whether it passes. Called in order, with the lock held. */
        void due(Pending pending) throws InterruptedException;
    }

    private final RateLimit limit;
    private final ScheduledExecutorService clock;
    private final ReentrantLock sending;
    private final Unexpected unexpected;
    private final Owner owner;

    private final NavigableSet<Pending> waiting = new TreeSet<>();
    private boolean isDue;
    private boolean closed;
    private Future<?> goingOn = CompletableFuture.completedFuture(null);

    /**
     * @param limit how fast
     * @param clock where what was held back comes again
     * @param sending held by whoever asks here
     * @param unexpected told of what nobody hears
     */
    Pace(RateLimit limit, ScheduledExecutorService clock, ReentrantLock sending, Unexpected unexpected, Owner owner) {
        this.limit = limit;
        this.clock = clock;
        this.sending = sending;
        this.unexpected = unexpected;
        this.owner = owner;
    }

    /** Whether the event may be sent now; else it is kept, and comes again. */
    boolean letsPass(Pending pending) {
        if (limit.isNone() || (isFirst(pending) && limit.take())) {
            return true;
        }
        waiting.add(pending);
        goOnLater();
        return false;
    }

    /** Takes an event that must wait behind others; false if no earlier one waits. */
    boolean queuesBehind(Pending pending) {
        return !isFirst(pending) && waiting.add(pending);
    }

    /** What is held back stays so. */
    @Override
    public void close() {
        sending.lock();
        try {
            closed = true;
            goingOn.cancel(false);
        } finally {
            sending.unlock();
        }
    }

    private boolean isFirst(Pending pending) {
        return waiting.isEmpty() || pending.compareTo(waiting.first()) < 0;
    }

    private void goOnLater() {
        if (!isDue && !closed) {
            isDue = true;
            goingOn = clock.schedule(this::goOn, limit.nanosUntilMore(), TimeUnit.NANOSECONDS);
        }
    }

    private void goOn() {
        sending.lock();
        try {
            isDue = false;
            while (!isDue && !closed && !waiting.isEmpty()) {
                owner.due(waiting.pollFirst());
            }
        } catch (InterruptedException e) {
            Thread.currentThread()
                    .interrupt(); // Only the end of the run interrupts, and then nothing is sent any more.
        } catch (RuntimeException | Error e) {
            unexpected.happened(e);
        } finally {
            sending.unlock();
        }
    }
}
