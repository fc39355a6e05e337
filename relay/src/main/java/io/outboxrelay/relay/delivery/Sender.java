package io.outboxrelay.relay.delivery;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;

import io.github.resilience4j.core.IntervalFunction;
import io.outboxrelay.api.Broker;
import io.outboxrelay.api.RejectedException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Gives messages to a broker, and when that fails to the next one.
 *
 * <p>Once the broker has failed nothing more is sent until every message that it still had is stored or failed. Then,
 * after a pause that grows with each failure in a row, a new broker is opened and everything unsent goes back to the
 * owner, in the original order. So a message whose fate is unknown is sent again only when nothing of its aggregate can
 * have overtaken it.
 */
final class Sender implements AutoCloseable {

    /** Who decides what becomes of a message. */
    interface Owner {

        /** The broker has stored it. Called on the broker's thread: takes no lock that is held across a send. */
        void stored(Pending pending);

        /** It is unsent, and there is a broker again. Called in order, with the lock held. */
        void unsent(Pending pending, Throwable failure) throws InterruptedException;
    }

    private static final Logger log = LoggerFactory.getLogger(Sender.class);

    /** A broker that held for so long counts as mended: the pause before the next begins small again. */
    private static final long MENDED_NANOS = TimeUnit.SECONDS.toNanos(60);

    private final Supplier<Broker> brokers;
    private final IntervalFunction pause;
    private final ScheduledExecutorService clock;
    private final ReentrantLock sending;
    private final Owner owner;

    private volatile Broker broker;
    private long openedAt;
    private int failuresInARow;
    private volatile boolean closed;
    private Future<?> recovery;

    /** From the broker's first failure until another takes over. */
    private volatile boolean broken;

    /** What failed with the broker, and what came since, in no order. */
    private final Queue<Pending> unsent = new ConcurrentLinkedQueue<>();

    private final AtomicLong unanswered = new AtomicLong();
    private final AtomicBoolean recoveryIsDue = new AtomicBoolean();

    /**
     * @param brokers opens a broker
     * @param pause milliseconds before the n-th new broker in a row
     * @param clock where new brokers are opened
     * @param sending held by whoever calls {@link #send}, so that the order of sends is the order of the sequence numbers
     */
    Sender(
            Supplier<Broker> brokers,
            IntervalFunction pause,
            ScheduledExecutorService clock,
            ReentrantLock sending,
            Owner owner) {
        this.brokers = brokers;
        this.pause = pause;
        this.clock = clock;
        this.sending = sending;
        this.owner = owner;
    }

    /** Opens the first broker, before the first {@link #send}. */
    void open() {
        sending.lock();
        try {
            if (!closed) {
                openBroker();
            }
        } finally {
            sending.unlock();
        }
    }

    /** Whether there is no broker to send to; then everything, in whatever state, is to be left with {@link #keep}. */
    boolean isBroken() {
        return broken;
    }

    /** Takes what comes while there is no broker. */
    void keep(Pending pending) {
        unsent.add(pending);
    }

    /** Sends the message. */
    void send(Pending pending) throws RejectedException, InterruptedException {
        unanswered.incrementAndGet();
        CompletionStage<Void> stored;
        try {
            stored = broker.publish(pending.message());
        } catch (RejectedException | InterruptedException e) {
            answered();
            throw e;
        } catch (RuntimeException e) {
            stored = CompletableFuture.failedStage(e);
        }
        stored.whenComplete((nothing, failure) -> answered(pending, failure));
    }

    /** Gives the broker up as if it had failed, so that what it does not answer goes to another one. */
    void replaceBroker() {
        sending.lock();
        try {
            if (!broken && broker != null) {
                broker.close();
            }
        } finally {
            sending.unlock();
        }
    }

    /** First closes the broker, since whoever holds the lock may be waiting for its answer. */
    @Override
    public void close() {
        closed = true;
        broken = true;
        closeBroker();
        sending.lock();
        try {
            if (recovery != null) {
                recovery.cancel(false);
            }
            closeBroker();
        } finally {
            sending.unlock();
        }
    }

    private void closeBroker() {
        Broker open = broker;
        if (open != null) {
            open.close();
        }
    }

    private void answered(Pending pending, Throwable failure) {
        if (failure == null) {
            owner.stored(pending);
        } else {
            pending.failure(failure instanceof CompletionException ? failure.getCause() : failure);
            unsent.add(pending);
            broken = true;
        }
        answered();
    }

    /** Whoever gets the last answer after a failure asks for another broker. */
    private void answered() {
        if (unanswered.decrementAndGet() == 0 && broken) {
            recoverLater();
        }
    }

    private void recoverLater() {
        if (recoveryIsDue.compareAndSet(false, true)) {
            clock.execute(this::pauseThenRecover);
        }
    }

    private void pauseThenRecover() {
        sending.lock();
        try {
            if (closed) {
                return;
            }
            failuresInARow = System.nanoTime() - openedAt > MENDED_NANOS ? 1 : failuresInARow + 1;
            long millis = pause.apply(failuresInARow);
            log.warn(
                    "The broker failed; what it has not stored goes to a new one in {} ms: {}", millis, firstFailure());
            recovery = clock.schedule(this::recover, millis, TimeUnit.MILLISECONDS);
        } finally {
            sending.unlock();
        }
    }

    private String firstFailure() {
        return unsent.stream()
                .filter(pending -> pending.failure() != null)
                .min(Comparator.naturalOrder())
                .map(first -> String.valueOf(first.failure().getMessage()))
                .orElse("no broker could be opened");
    }

    private void recover() {
        sending.lock();
        try {
            recoveryIsDue.set(false);
            if (closed || unanswered.get() > 0) {
                return; // The last answer asks for recovery again.
            }
            broker.close();
            openBroker();
            broken = false;
            for (Pending pending : takeUnsent()) {
                Throwable failure = pending.failure();
                pending.failure(null);
                owner.unsent(pending, failure);
            }
        } catch (InterruptedException e) {
            Thread.currentThread()
                    .interrupt(); // Only the end of the run interrupts, and then nothing is sent any more.
        } catch (RuntimeException e) {
            log.warn("No broker could be opened: {}", e.toString());
            recoverLater();
        } finally {
            sending.unlock();
        }
    }

    private List<Pending> takeUnsent() {
        List<Pending> taken = new ArrayList<>();
        for (Pending pending = unsent.poll(); pending != null; pending = unsent.poll()) {
            taken.add(pending);
        }
        taken.sort(Comparator.naturalOrder());
        return taken;
    }

    private void openBroker() {
        broker = brokers.get();
        openedAt = System.nanoTime();
    }
}
