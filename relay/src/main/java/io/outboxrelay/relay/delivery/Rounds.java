package io.outboxrelay.relay.delivery;

import java.io.IOException;
import java.util.OptionalLong;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;

import io.github.resilience4j.core.IntervalFunction;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Work that may block, done in rounds on a thread of its own, one at a time: a round that failed is followed by another
 * after a pause that grows with each failure in a row. What nobody expected ends it, and the run.
 */
final class Rounds implements AutoCloseable {

    /** What is done. */
    @FunctionalInterface
    interface Work {

        /**
         * Does some of it.
         *
         * @return the milliseconds until the next round; empty if {@link #wake} says when there is more to do
         * @throws IOException if that failed, and the next round may succeed. The message is one line without any content
         */
        OptionalLong round() throws IOException, InterruptedException;
    }

    private static final Logger log = LoggerFactory.getLogger(Rounds.class);

    /** A database that hangs must keep nobody from ending: whoever closes may have little time, or a lease to renew. */
    private static final long CLOSE_MILLIS = TimeUnit.SECONDS.toMillis(2);

    private final ScheduledExecutorService thread;
    private final IntervalFunction pause;
    private final Failing failing;
    private final Unexpected unexpected;
    private final Work work;

    // Guarded by this.
    private boolean isDue;
    private boolean closed;

    private int failures;
    private volatile Thread atWork;

    /**
     * @param thread one thread, for this alone: shut down with this
     * @param pause milliseconds before the n-th round in a row after a failure
     * @param failing told of failures; of success by the work itself
     * @param unexpected told of what ends this
     * @param work what is done
     */
    Rounds(ScheduledExecutorService thread, IntervalFunction pause, Failing failing, Unexpected unexpected, Work work) {
        this.thread = thread;
        this.pause = pause;
        this.failing = failing;
        this.unexpected = unexpected;
        this.work = work;
    }

    /** A thread of that name, which begins with the first round. */
    static ScheduledExecutorService thread(String name) {
        return Executors.newSingleThreadScheduledExecutor(task -> {
            Thread thread = new Thread(task, name);
            thread.setDaemon(true);
            return thread;
        });
    }

    /** There is something to do. Does not wait. */
    void wake() {
        next(0);
    }

    synchronized boolean isClosed() {
        return closed;
    }

    /** Begins no round any more, interrupts the one that goes on, and waits a moment for its end. */
    @Override
    public void close() {
        synchronized (this) {
            closed = true;
            thread.shutdownNow();
        }
        if (Thread.currentThread() == atWork) {
            return;
        }
        try {
            if (!thread.awaitTermination(CLOSE_MILLIS, TimeUnit.MILLISECONDS)) {
                log.debug("A round has not ended yet");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @SuppressWarnings("FutureReturnValueIgnored") // A round lets nothing out.
    private synchronized void next(long millis) {
        if (!isDue && !closed) {
            isDue = true;
            thread.schedule(this::round, millis, TimeUnit.MILLISECONDS);
        }
    }

    private void round() {
        synchronized (this) {
            isDue = false;
        }
        atWork = Thread.currentThread();
        try {
            OptionalLong millis = work.round();
            failures = 0;
            millis.ifPresent(this::next);
        } catch (IOException e) {
            if (!isClosed()) {
                failing.failed(e);
                next(pause.apply(++failures));
            }
        } catch (InterruptedException e) {
            log.debug("Nothing is done any more", e);
        } catch (RuntimeException | Error e) {
            unexpected.happened(e);
        } finally {
            atWork = null;
        }
    }
}
