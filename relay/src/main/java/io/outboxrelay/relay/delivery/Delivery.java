package io.outboxrelay.relay.delivery;

import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;

import io.github.resilience4j.core.IntervalFunction;
import io.outboxrelay.api.Broker;
import io.outboxrelay.api.EventHandler;
import io.outboxrelay.api.Message;
import io.outboxrelay.api.OutboxEvent;
import io.outboxrelay.api.RejectedException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Publishes what a source hands over, for one run of that source.
 *
 * <p>Messages are sent in the order of the hand-over, many at a time. When the broker fails, another one gets whatever is
 * not settled, in the original order.
 *
 * <p>A rejected event is put aside as a dead letter, or it holds back its aggregate until an operator says
 * {@link #retry} or {@link #skip}; all other aggregates flow until the room for events in flight is full.
 */
public final class Delivery implements EventHandler, AutoCloseable {

    private static final Logger log = LoggerFactory.getLogger(Delivery.class);

    private final Router router;
    private final Optional<DeadLetters> deadLetters;
    private final Runnable onStreaming;
    private final Room room;

    /** Held while messages are sent, so that their order is the order of their sequence numbers. */
    private final ReentrantLock sending = new ReentrantLock();

    private final Sender sender;
    private final HeldKeys held = new HeldKeys();
    private long nextSequence;
    private final AtomicLong settled = new AtomicLong();

    /**
     * @param router makes messages of events
     * @param deadLetterTopic where rejected events are put aside; empty: they hold back their aggregates instead
     * @param brokers opens a broker; called first when the source has begun to read
     * @param limits how much may be unsettled at once
     * @param pause milliseconds before the n-th new broker in a row
     * @param clock where new brokers are opened; not shut down here
     * @param onStreaming called when the source has begun to read
     */
    public Delivery(
            Router router,
            Optional<String> deadLetterTopic,
            Supplier<Broker> brokers,
            Limits limits,
            IntervalFunction pause,
            ScheduledExecutorService clock,
            Runnable onStreaming) {
        this.router = router;
        this.deadLetters = deadLetterTopic.map(DeadLetters::new);
        this.room = new Room(limits.events(), limits.bytes());
        this.onStreaming = onStreaming;
        this.sender = new Sender(brokers, pause, clock, sending, new Sender.Owner() {
            @Override
            public void stored(Pending pending) {
                settle(pending);
            }

            @Override
            public void unsent(Pending pending, Throwable failure) throws InterruptedException {
                if (failure instanceof RejectedException reason) {
                    reject(pending, reason);
                } else {
                    publish(pending);
                }
            }
        });
    }

    /** Opens the broker too: a relay that stands by needs none. */
    @Override
    public void streaming() {
        sender.open();
        onStreaming.run();
    }

    @Override
    public boolean awaitRoom(Duration atMost) throws InterruptedException {
        return room.await(atMost);
    }

    @Override
    public CompletionStage<Void> deliver(List<OutboxEvent> events) throws InterruptedException {
        Pending.Batch batch = new Pending.Batch(events.size());
        sending.lockInterruptibly();
        try {
            for (OutboxEvent event : events) {
                room.enter(event.size());
                publish(new Pending(nextSequence++, event, batch));
            }
        } finally {
            sending.unlock();
        }
        return batch.settled();
    }

    /** The operator's word: try the halted event of this name once more. False if no such event is halted. */
    public boolean retry(String name) throws InterruptedException {
        sending.lockInterruptibly();
        try {
            List<Pending> released = held.release(name);
            for (Pending pending : released) {
                pending.reset();
                publish(pending);
            }
            return !released.isEmpty();
        } finally {
            sending.unlock();
        }
    }

    /** The operator's word: leave the halted event of this name unsent and go on with its aggregate. False if none is halted. */
    public boolean skip(String name) throws InterruptedException {
        sending.lockInterruptibly();
        try {
            List<Pending> released = held.release(name);
            if (released.isEmpty()) {
                return false;
            }
            settle(released.get(0));
            for (Pending pending : released.subList(1, released.size())) {
                publish(pending);
            }
            return true;
        } finally {
            sending.unlock();
        }
    }

    /** The rejected events that hold back their aggregates, longest first. */
    public List<HaltedEvent> halted() {
        sending.lock();
        try {
            return held.halted();
        } finally {
            sending.unlock();
        }
    }

    /** Events settled since the start of this run. */
    public long settledEvents() {
        return settled.get();
    }

    /** Events handed over and not settled. */
    public long unsettledEvents() {
        return room.events();
    }

    /** Whether a broker has failed and none has taken over yet. */
    public boolean isWithoutBroker() {
        return sender.isBroken();
    }

    /** Gives the broker up, so that what it does not answer goes to another one. */
    public void replaceBroker() {
        sender.replaceBroker();
    }

    /** Gives up whatever is not settled. The stages of its batches stay open. */
    @Override
    public void close() {
        sender.close();
    }

    private void publish(Pending pending) throws InterruptedException {
        if (sender.isBroken()) {
            sender.keep(pending);
        } else if (!held.queueBehind(pending)) {
            try {
                if (pending.message() == null) {
                    pending.message(route(pending.event()));
                }
                sender.send(pending);
            } catch (RejectedException e) {
                reject(pending, e);
            }
        }
    }

    /** A row that nobody thought of must not end the run again and again. */
    private Message route(OutboxEvent event) throws RejectedException {
        try {
            return router.route(event);
        } catch (RuntimeException e) {
            throw new RejectedException(
                    "no message can be made of it (" + e.getClass().getSimpleName() + ")", e);
        }
    }

    private void settle(Pending pending) {
        room.leave(pending.event().size());
        settled.incrementAndGet();
        pending.batch().settleOne();
    }

    private void reject(Pending pending, RejectedException reason) throws InterruptedException {
        if (deadLetters.isPresent() && !pending.isDeadLetter()) {
            log.warn("Putting {} aside as a dead letter: {}", pending.event(), reason.getMessage());
            pending.putAside(deadLetters.get().of(pending.event(), reason));
            publish(pending);
            return;
        }
        String why =
                pending.isDeadLetter() ? "it cannot be put aside either: " + reason.getMessage() : reason.getMessage();
        held.hold(pending, why);
        log.error(
                "Halted at {}: {}. Its aggregate waits, the position stays before it. "
                        + "Mend the cause and say 'dead-letters retry {}', or 'dead-letters skip {}' to leave it unsent.",
                pending.event(),
                why,
                pending.event().name(),
                pending.event().name());
    }
}
