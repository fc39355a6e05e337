package io.outboxrelay.relay.delivery;

import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
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

import io.outboxrelay.api.Broker;
import io.outboxrelay.api.Code;
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
 *
 * <p>After a run of brokers that answered nothing the next one gets a single message, the oldest; everything else waits
 * for its answer.
 *
 * <p>To a broker that keeps no order, messages of one key are sent one at a time ({@link KeyChains}). Such a broker may
 * refuse a message and go on.
 */
final class Sender implements AutoCloseable {

    /** Who decides what becomes of a message. */
    interface Owner {

        /** The broker has stored it. Called on the broker's thread: takes no lock that is held across a send. */
        void stored(Pending pending);

        /** It is unsent, and can be sent now. Called in order, with the lock held; without a failure where there was none. */
        void unsent(Pending pending, Throwable failure) throws InterruptedException;
    }

    /** What is to be looked at with the lock held: what was stored, what was refused, or, without either, was never sent. */
    private record Return(Pending pending, boolean stored, RejectedException refusal) {}

    private static final Logger log = LoggerFactory.getLogger(Sender.class);

    private final Brokers brokers;
    private final ScheduledExecutorService clock;
    private final ReentrantLock sending;
    private final Owner owner;
    private final BrokerHealth health;
    private final Unexpected unexpected;
    private final Runnable onFailure;

    private volatile boolean closed;
    private Future<?> recovery;
    private Future<?> renewalLimit;

    /** Where the broker keeps no order. */
    private Optional<KeyChains> chains = Optional.empty();

    /** From the broker's first failure until another takes over. */
    private volatile boolean broken;

    /** While the open broker answers what it has, to be followed by another although it has not failed. */
    private volatile boolean renewing;

    /** From the sending of a probe until its answer has been acted on. */
    private volatile boolean probing;

    private final Unsent unsent = new Unsent();
    private final Queue<Return> returned = new ConcurrentLinkedQueue<>();
    private final AtomicLong unanswered = new AtomicLong();
    private final AtomicLong answers = new AtomicLong();
    private final AtomicBoolean recoveryIsDue = new AtomicBoolean();
    private final AtomicBoolean goingOnIsDue = new AtomicBoolean();

    /**
     * @param brokers opens a broker
     * @param retry how one that failed is tried again
     * @param clock where new brokers are opened
     * @param sending held by whoever calls {@link #send}, so that the order of sends is the order of the sequence numbers
     * @param unexpected told of what nobody expected
     * @param onFailure told of each broker that failed
     */
    Sender(
            Supplier<Broker> brokers,
            BrokerRetry retry,
            ScheduledExecutorService clock,
            ReentrantLock sending,
            Unexpected unexpected,
            Owner owner,
            Runnable onFailure) {
        this.clock = clock;
        this.sending = sending;
        this.owner = owner;
        this.unexpected = unexpected;
        this.onFailure = onFailure;
        this.health = new BrokerHealth(retry.probeAfter());
        this.brokers = new Brokers(brokers, retry, health);
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

    /** Whether nothing can be sent now; then everything, in whatever state, is to be left with {@link #keep}. */
    boolean isBroken() {
        return closed || broken || probing;
    }

    /** Whether it is broken because the broker is being exchanged, and has not failed. */
    boolean isRenewing() {
        return renewing;
    }

    /** Whether it takes a probe to find out that the broker is alive. */
    boolean isSuspect() {
        return health.isSuspect();
    }

    /** The circuit breaker's state: {@code closed}, {@code open} or {@code half_open}. */
    String breaker() {
        return health.state();
    }

    /** Messages that the broker has and has not answered. */
    long unanswered() {
        return unanswered.get();
    }

    /** How many messages were answered in any way. */
    long answers() {
        return answers.get();
    }

    /** Takes what comes while there is no broker. */
    void keep(Pending pending) {
        unsent.add(pending);
    }

    /** Whether it keeps earlier events of the aggregate, which {@link #send} lets none pass. */
    boolean holdsBefore(Pending pending) {
        return chains.filter(links -> links.holdsBefore(pending)).isPresent();
    }

    /** Sends the message, or keeps it until those before it are decided. */
    void send(Pending pending) throws RejectedException, InterruptedException {
        if (chains.isEmpty()) {
            transmit(pending);
        } else if (chains.get().enter(pending)) {
            try {
                transmit(pending);
            } catch (RejectedException | InterruptedException e) {
                chains.get().out(pending);
                goOnWith(new Return(pending, false, null));
                throw e;
            }
        }
    }

    private void transmit(Pending pending) throws RejectedException, InterruptedException {
        probing = health.beginProbe();
        unanswered.incrementAndGet();
        pending.sentAt(System.nanoTime());
        pending.span().sent();
        CompletionStage<Void> stored;
        try {
            stored = brokers.current().publish(pending.message());
        } catch (RejectedException | InterruptedException e) {
            if (probing) {
                health.endProbe();
                probing = false;
            }
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
            brokers.close();
        } finally {
            sending.unlock();
        }
    }

    /**
     * Lets another broker take over from one that is well: sends nothing more to it, waits until it has answered what it
     * has, and only then opens the next. What it has not answered by then fails, as in {@link #replaceBroker}.
     */
    void renewBroker(Duration atMost) {
        sending.lock();
        try {
            if (closed || broken || brokers.current() == null) {
                return; // Whichever is opened next is opened anew.
            }
            renewing = true;
            broken = true;
            if (unanswered.get() == 0) {
                recoverLater();
            }
            Broker draining = brokers.current();
            renewalLimit = clock.schedule(() -> endDraining(draining), atMost.toMillis(), TimeUnit.MILLISECONDS);
        } finally {
            sending.unlock();
        }
    }

    private void endDraining(Broker draining) {
        sending.lock();
        try {
            if (renewing && brokers.current() == draining) {
                log.warn(
                        "{} The broker left {} message(s) unanswered; they go to the next one",
                        Code.BROKER_NOT_DRAINED,
                        unanswered.get());
                draining.close();
            }
        } finally {
            sending.unlock();
        }
    }

    /**
     * Sends nothing more, and waits until the broker has answered what it has; {@link #close} is all that may follow. A message
     * whose fate is open could be stored behind those that another sender sends once more.
     */
    void drain(Duration atMost) throws InterruptedException {
        long deadline = System.nanoTime() + atMost.toNanos();
        closed = true;
        broken = true;
        // Whoever is sending ends first, unless the broker keeps it for longer.
        if (sending.tryLock(atMost.toNanos(), TimeUnit.NANOSECONDS)) {
            sending.unlock();
        }
        synchronized (unanswered) {
            for (long left = deadline - System.nanoTime();
                    unanswered.get() > 0 && left > 0;
                    left = deadline - System.nanoTime()) {
                TimeUnit.NANOSECONDS.timedWait(unanswered, left);
            }
        }
    }

    /** First closes the broker, since whoever holds the lock may be waiting for its answer. */
    @Override
    public void close() {
        closed = true;
        broken = true;
        brokers.close();
        sending.lock();
        try {
            if (recovery != null) {
                recovery.cancel(false);
            }
            if (renewalLimit != null) {
                renewalLimit.cancel(false);
            }
            brokers.close();
        } finally {
            sending.unlock();
        }
    }

    /** What it has not answered fails by that, and whoever hears the last answer asks for another broker. */
    private void giveUpBroker() {
        broken = true;
        brokers.close();
        if (unanswered.get() == 0) {
            recoverLater();
        }
    }

    /** Called where nobody hears what is thrown. */
    private void answered(Pending pending, Throwable failure) {
        try {
            takeAnswer(pending, failure);
        } catch (RuntimeException | Error e) {
            unexpected.happened(e);
        } finally {
            answered();
        }
    }

    private void takeAnswer(Pending pending, Throwable failure) {
        answers.incrementAndGet();
        if (failure == null) {
            health.answers();
            owner.stored(pending);
            if (probing || chains.isPresent()) {
                goOnWith(new Return(pending, true, null));
            }
        } else {
            Throwable cause = failure instanceof CompletionException ? failure.getCause() : failure;
            if (cause instanceof RejectedException) {
                health.answers();
            }
            if (cause instanceof RejectedException refusal && chains.isPresent()) {
                goOnWith(new Return(pending, false, refusal));
            } else {
                pending.failure(cause);
                pending.span().failed(cause);
                unsent.add(pending);
                broken = true;
            }
        }
    }

    /** Whoever gets the last answer after a failure asks for another broker. */
    private void answered() {
        if (unanswered.decrementAndGet() > 0) {
            return;
        }
        if (broken) {
            recoverLater();
        }
        if (closed) {
            synchronized (unanswered) {
                unanswered.notifyAll(); // Who waits in drain.
            }
        }
    }

    private void goOnWith(Return back) {
        returned.add(back);
        if (!closed && goingOnIsDue.compareAndSet(false, true)) {
            clock.execute(this::goOn);
        }
    }

    /** Sends what waited for an answer. */
    private void goOn() {
        sending.lock();
        try {
            goingOnIsDue.set(false);
            if (closed) {
                return;
            }
            takeReturned();
            if (!broken && probing && !health.isSuspect()) {
                probing = false;
                resend();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt(); // As in recover().
        } catch (RuntimeException e) {
            log.error(
                    "{} What waited for the broker's answer could not be sent; a new broker gets it",
                    Code.UNEXPECTED,
                    e);
            giveUpBroker();
        } catch (Error e) {
            unexpected.happened(e);
        } finally {
            sending.unlock();
        }
    }

    private void takeReturned() throws InterruptedException {
        for (Return back = returned.poll(); back != null; back = returned.poll()) {
            if (chains.isPresent()) {
                takeReturned(back, chains.get());
            }
        }
    }

    private void takeReturned(Return back, KeyChains links) throws InterruptedException {
        Pending pending = back.pending();
        if (back.refusal() != null) {
            links.out(pending);
            owner.unsent(pending, back.refusal());
        }
        if (back.stored() || links.isOut(pending)) {
            sendNext(links.leave(pending), links);
        } else {
            sendNext(links.readyBeside(pending), links);
        }
    }

    private void sendNext(List<Pending> ready, KeyChains links) throws InterruptedException {
        Deque<Pending> next = new ArrayDeque<>(ready);
        for (Pending first = next.poll(); first != null; first = next.poll()) {
            if (links.isReady(first)) {
                links.out(first);
                owner.unsent(first, null);
                if (links.isOut(first)) {
                    next.addAll(links.leave(first));
                }
            }
        }
    }

    private void recoverLater() {
        if (!closed && recoveryIsDue.compareAndSet(false, true)) {
            clock.execute(this::pauseThenRecover);
        }
    }

    private void pauseThenRecover() {
        sending.lock();
        try {
            if (closed) {
                return;
            }
            Optional<Throwable> failure = unsent.firstFailure();
            renewing = renewing && failure.isEmpty();
            long millis = 0;
            if (!renewing) {
                onFailure.run();
                millis =
                        brokers.failed(failure.orElseGet(() -> new IllegalStateException("no broker could be opened")));
            }
            recovery = clock.schedule(this::recover, millis, TimeUnit.MILLISECONDS);
        } catch (RuntimeException | Error e) {
            unexpected.happened(e);
        } finally {
            sending.unlock();
        }
    }

    private void recover() {
        sending.lock();
        try {
            recoveryIsDue.set(false);
            if (closed || unanswered.get() > 0) {
                return; // The last answer asks for recovery again.
            }
            renewing = false;
            if (renewalLimit != null) {
                renewalLimit.cancel(false);
            }
            takeReturned();
            chains.ifPresent(links -> unsent.addAll(links.clear()));
            brokers.close();
            openBroker();
            broken = false;
            probing = false;
            resend();
        } catch (InterruptedException e) {
            Thread.currentThread()
                    .interrupt(); // Only the end of the run interrupts, and then nothing is sent any more.
        } catch (RuntimeException e) {
            log.warn("{} No broker could be opened, or not be given what waits: {}", Code.BROKER_FAILED, e.toString());
            giveUpBroker();
        } catch (Error e) {
            unexpected.happened(e);
        } finally {
            sending.unlock();
        }
    }

    private void resend() throws InterruptedException {
        Deque<Pending> waiting = unsent.takeAll();
        try {
            while (!isBroken() && !waiting.isEmpty()) {
                Pending pending = waiting.element();
                Throwable failure = pending.failure();
                pending.failure(null);
                owner.unsent(pending, failure);
                waiting.remove();
            }
        } catch (RuntimeException e) {
            broken = true;
            throw e;
        } finally {
            unsent.addAll(waiting);
        }
    }

    private void openBroker() {
        boolean preservesOrder = brokers.open().preservesOrder();
        if (chains.isEmpty() && !preservesOrder) {
            chains = Optional.of(new KeyChains());
        }
    }
}
