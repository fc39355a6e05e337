package io.outboxrelay.relay.delivery;

import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.IntConsumer;
import java.util.function.Supplier;

import io.outboxrelay.api.Broker;
import io.outboxrelay.api.Code;
import io.outboxrelay.api.EventHandler;
import io.outboxrelay.api.Fence;
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
 * <p>What becomes of a rejected event is {@link Rejections}' to say. One that halts its aggregate waits for an operator's
 * {@link #retry} or {@link #skip}; all other aggregates flow until the room for events in flight is full. Events of a
 * parked aggregate are put aside behind the others of it.
 */
public final class Delivery implements EventHandler, AutoCloseable {

    private static final Logger log = LoggerFactory.getLogger(Delivery.class);

    private static final Duration HALTED_PATIENCE = Duration.ofSeconds(1);

    private final Router router;
    private final Tracing tracing;
    private final Rejections rejections;
    private final DeadLetters deadLetters;
    private final DeliveryListener listener;
    private final Room room;

    /** Held while messages are sent, so that their order is the order of their sequence numbers. */
    private final ReentrantLock sending = new ReentrantLock();

    private final Sender sender;
    private final Pace pace;
    private final Unexpected unexpected = new Unexpected();
    private final Optional<ByReference> byReference;
    private final Optional<Aside> aside;
    private final HeldKeys held = new HeldKeys();
    private volatile List<HaltedEvent> lastHalted = List.of();
    private long nextSequence;
    private final AtomicLong settled = new AtomicLong();

    /**
     * @param router makes messages of events
     * @param tracing records what becomes of each
     * @param rejections what becomes of rejected events
     * @param payloads keeps payloads whose messages carry a reference; closed with this. Empty: none does
     * @param brokers opens a broker; called first when the source has begun to read
     * @param limits how much may be unsettled at once
     * @param rate how fast events are sent
     * @param retry how a broker that failed is tried again
     * @param clock where new brokers are opened; not shut down here
     * @param listener told when the source has begun to read, and of what passes
     */
    public Delivery(
            Router router,
            Tracing tracing,
            Rejections rejections,
            Optional<Payloads> payloads,
            Supplier<Broker> brokers,
            Limits limits,
            RateLimit rate,
            BrokerRetry retry,
            ScheduledExecutorService clock,
            DeliveryListener listener) {
        this(
                router,
                tracing,
                rejections,
                payloads,
                brokers,
                limits,
                rate,
                retry,
                clock,
                Rounds.thread("outbox-relay-aside"),
                listener);
    }

    /** @param asideThread one thread, where events are put aside; shut down with this */
    Delivery(
            Router router,
            Tracing tracing,
            Rejections rejections,
            Optional<Payloads> payloads,
            Supplier<Broker> brokers,
            Limits limits,
            RateLimit rate,
            BrokerRetry retry,
            ScheduledExecutorService clock,
            ScheduledExecutorService asideThread,
            DeliveryListener listener) {
        this.router = router;
        this.tracing = tracing;
        this.rejections = rejections;
        this.deadLetters = new DeadLetters(rejections.topic());
        this.room = new Room(limits.events(), limits.bytes());
        this.listener = listener;
        Outcomes outcomes = new Outcomes();
        this.pace = new Pace(rate, clock, sending, unexpected, this::publish);
        this.byReference = payloads.map(kept -> new ByReference(kept, held, sending, unexpected, outcomes));
        this.sender = new Sender(brokers, retry, clock, sending, unexpected, outcomes, listener::brokerFailed);
        this.aside = rejections
                .store()
                .map(store -> new Aside(
                        store, rejections.parked(), retry.pause(), asideThread, unexpected, router, sending, outcomes));
    }

    /** Opens the broker too: a relay that stands by needs none. */
    @Override
    public void streaming() {
        sender.open();
        listener.streaming();
    }

    /** What another relay has parked until now stays parked. */
    @Override
    public void laneBegins(Fence fence) throws InterruptedException {
        if (aside.isPresent()) {
            aside.get().laneBegins(fence);
        }
    }

    @Override
    public boolean awaitRoom(Duration atMost) throws InterruptedException {
        return room.await(atMost);
    }

    @Override
    public CompletionStage<Void> deliver(List<OutboxEvent> events, IntConsumer settled) throws InterruptedException {
        sending.lockInterruptibly();
        try {
            listener.read(events);
            Pending.Batch batch = new Pending.Batch(nextSequence, events.size(), settled);
            for (OutboxEvent event : events) {
                room.enter(event.size());
                Pending pending = new Pending(nextSequence++, event, batch);
                aside.ifPresent(put -> put.handedOver(pending));
                publish(pending);
            }
            return batch.settled();
        } finally {
            sending.unlock();
        }
    }

    /** The operator's word: try the halted event of this name once more. False if no such event is halted. */
    public boolean retry(String name) throws InterruptedException {
        sending.lockInterruptibly();
        try {
            List<Pending> released = held.release(name);
            for (Pending pending : released) {
                byReference.ifPresent(by -> by.forget(pending));
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

    /**
     * Sends an event that was put aside once more, past whatever holds back its aggregate. Who calls this sends one event
     * of an aggregate at a time.
     *
     * @return completes when the event is stored; exceptionally with {@link RejectedException} when it is rejected again;
     *     never if the run is closed first. Completes on any thread, which must not be blocked
     */
    public CompletionStage<Void> redrive(OutboxEvent event) throws InterruptedException {
        sending.lockInterruptibly();
        try {
            room.enter(event.size());
            Pending pending = Pending.redriven(nextSequence++, event);
            publish(pending);
            return pending.outcome();
        } finally {
            sending.unlock();
        }
    }

    /** What is put aside in this run; empty where nothing can be. */
    public Optional<Aside> aside() {
        return aside;
    }

    /** Why no payload can be stored elsewhere at the moment, in one line; empty if no event waits for that. */
    public Optional<String> payloadsFailure() {
        return byReference.flatMap(ByReference::failure);
    }

    /**
     * What nobody expected, in one line: then events wait for what never comes, and the run has to be ended. Empty as long as
     * all is well.
     */
    public Optional<String> unexpected() {
        return unexpected.what();
    }

    /**
     * The rejected events that hold back their aggregates, longest first; as they were when that was last asked, if a batch
     * that waits for the broker's answers keeps everybody waiting.
     */
    public List<HaltedEvent> halted() throws InterruptedException {
        if (sending.tryLock(HALTED_PATIENCE.toMillis(), TimeUnit.MILLISECONDS)) {
            try {
                lastHalted = held.halted();
            } finally {
                sending.unlock();
            }
        }
        return lastHalted;
    }

    /** Events settled since the start of this run. */
    public long settledEvents() {
        return settled.get();
    }

    /** Events handed over and not settled. */
    public long unsettledEvents() {
        return room.events();
    }

    /** About how many bytes of memory they take. */
    public long unsettledBytes() {
        return room.bytes();
    }

    /** Whether a broker has failed and none has taken over yet. */
    public boolean isWithoutBroker() {
        return sender.isBroken() && !sender.isRenewing();
    }

    /** Whether the broker failed so often that it takes a single message as a probe before it gets any other. */
    public boolean isBrokerSuspect() {
        return sender.isSuspect();
    }

    /** The state of the circuit breaker before the broker: {@code closed}, {@code open} or {@code half_open}. */
    public String breaker() {
        return sender.breaker();
    }

    /** Messages that the broker was given and has not answered. */
    public long unansweredMessages() {
        return sender.unanswered();
    }

    /** How many messages the broker has answered since the start of this run, whatever it said. */
    public long answers() {
        return sender.answers();
    }

    /** Gives the broker up, so that what it does not answer goes to another one. */
    public void replaceBroker() {
        sender.replaceBroker();
    }

    /**
     * Opens another broker in the place of one that is well, after that has answered what it has: nothing is sent twice by
     * it. What is not answered within that time goes to the new one too. Returns at once.
     */
    public void renewBroker(Duration atMost) {
        sender.renewBroker(atMost);
    }

    /**
     * Sends nothing more, and waits until the broker has answered what it was given, so that none of it is stored behind what
     * the next run sends once more; {@link #close} is all that may follow.
     */
    public void drain(Duration atMost) throws InterruptedException {
        sender.drain(atMost);
    }

    /** Gives up whatever is not settled. The stages of its batches stay open. */
    @Override
    public void close() {
        sender.close();
        pace.close();
        byReference.ifPresent(ByReference::close);
        aside.ifPresent(Aside::close);
    }

    private void publish(Pending pending) throws InterruptedException {
        if (sender.isBroken()) {
            sender.keep(pending);
        } else if (pending.isRedriven() || !isHeldBack(pending)) {
            try {
                if (pending.message() == null) {
                    pending.message(messageOf(pending));
                }
                if (!goesByReference(pending) && pace.letsPass(pending)) {
                    sender.send(pending);
                }
            } catch (RejectedException e) {
                reject(pending, e);
            }
        }
    }

    private Message messageOf(Pending pending) throws RejectedException {
        Message made = router.route(pending.event());
        if (pending.span() == EventSpan.NONE) {
            pending.span(tracing.begin(pending.event(), made));
        }
        return pending.span().carriedBy(made);
    }

    private boolean goesByReference(Pending pending) {
        return byReference.isPresent() && byReference.get().takes(pending);
    }

    /** An event that waits goes before those that come later, also where all of them are put aside. */
    private boolean isHeldBack(Pending pending) {
        return held.queueBehind(pending)
                || pace.queuesBehind(pending)
                || (!sender.holdsBefore(pending)
                        && aside.filter(put -> put.takes(pending)).isPresent());
    }

    private void settle(Pending pending) {
        leave(pending);
        settled.incrementAndGet();
        pending.settle();
    }

    private void leave(Pending pending) {
        byReference.ifPresent(by -> by.forget(pending));
        room.leave(pending.event().size());
    }

    private void reject(Pending pending, RejectedException reason) throws InterruptedException {
        if (byReference.isPresent() && byReference.get().takes(pending, reason)) {
            log.debug("Storing the payload of {} elsewhere: {}", pending.event(), reason.getMessage());
            return;
        }
        rejections.told().accept(reason.kind());
        endSpan(pending, reason);
        if (pending.isRedriven()) {
            leave(pending);
            pending.outcome().completeExceptionally(reason);
            return;
        }
        switch (rejections.policy()) {
            case TOPIC -> sendAside(pending, reason);
            case STORE -> aside.orElseThrow().put(pending, tellAside(pending, reason));
            case PARK -> aside.orElseThrow().park(pending, tellAside(pending, reason));
            case HALT -> halt(pending, reason.getMessage());
        }
    }

    /** What is sent of the event afterwards, a dead letter or at an operator's word, belongs to another span or none. */
    private void endSpan(Pending rejected, RejectedException reason) {
        if (rejected.message() == null) {
            tracing.unfit(rejected.event(), router.headers(rejected.event()), reason);
        }
        rejected.span().rejected(reason);
        rejected.span(EventSpan.NONE);
    }

    private void sendAside(Pending pending, RejectedException reason) throws InterruptedException {
        if (pending.isDeadLetter()) {
            halt(pending, "it cannot be put aside either: " + reason.getMessage());
        } else {
            pending.putAside(deadLetters.of(pending.event(), tellAside(pending, reason)));
            publish(pending);
        }
    }

    private RejectedException tellAside(Pending pending, RejectedException reason) {
        log.warn(
                "{} Putting {} aside as a dead letter: {}", Code.EVENT_PUT_ASIDE, pending.event(), reason.getMessage());
        return reason;
    }

    private void halt(Pending pending, String why) {
        held.halt(pending, why);
        log.error(
                "{} Halted at {}: {}. Its aggregate waits, the position stays before it. "
                        + "Mend the cause and say 'dead-letters retry {}', or 'dead-letters skip {}' to leave it unsent.",
                Code.EVENT_HALTED,
                pending.event(),
                why,
                pending.event().name(),
                pending.event().name());
    }

    /** Hears what became of events. Called with the lock held where it publishes. */
    private final class Outcomes implements Sender.Owner, Aside.Owner, ByReference.Owner {

        @Override
        public void stored(Pending pending) {
            pending.span().stored();
            if (pending.message() != null) { // None was made of what waits behind another event.
                listener.stored(pending.event(), pending.message(), System.nanoTime() - pending.sentAt());
            }
            settle(pending);
        }

        /** It was not published, and may have no message. */
        @Override
        public void putAside(Pending pending) {
            pending.span().putAside();
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

        @Override
        public void publish(Pending pending) throws InterruptedException {
            Delivery.this.publish(pending);
        }

        @Override
        public void rejected(Pending pending, RejectedException reason) throws InterruptedException {
            reject(pending, reason);
        }
    }
}
