package io.outboxrelay.relay.delivery;

import java.io.IOException;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.locks.ReentrantLock;

import io.github.resilience4j.core.IntervalFunction;
import io.outboxrelay.api.Fence;
import io.outboxrelay.api.Message;
import io.outboxrelay.api.RejectedException;

/**
 * What is put aside in one run, and which aggregates are parked. What is parked is the store's to say: an event of an
 * aggregate that was parked is given to the store, and where that finds nothing to wait behind, the aggregate is sent
 * again, beginning with this event.
 *
 * <p>What is public may be called by any thread; all else with the lock of the sending held.
 */
public final class Aside implements AutoCloseable {

    /** Who sends and settles. Called with the lock of the sending held. */
    interface Owner {

        /** The event is put aside. */
        void putAside(Pending pending);

        /** The event is to be sent. */
        void publish(Pending pending) throws InterruptedException;
    }

    private final ReentrantLock sending;
    private final Owner owner;
    private final Router router;
    private final AsideStore store;
    private final AsideWriter writer;
    private final ParkedKeys parked = new ParkedKeys();
    private final InFlight inFlight = new InFlight();

    /**
     * @param store where events are put
     * @param parked the aggregates that are parked there
     * @param pause milliseconds before the n-th attempt in a row to put something there
     * @param thread where that is done; for this alone, and shut down with this
     * @param unexpected told of what ends this
     * @param router tells where events would go
     * @param sending the lock of the sending
     */
    Aside(
            AsideStore store,
            Set<EventKey> parked,
            IntervalFunction pause,
            ScheduledExecutorService thread,
            Unexpected unexpected,
            Router router,
            ReentrantLock sending,
            Owner owner) {
        this.store = store;
        this.router = router;
        this.sending = sending;
        this.owner = owner;
        this.parked.addAll(parked);
        this.writer = new AsideWriter(store, pause, thread, unexpected, this::written);
    }

    /** An event has come, and nothing was done with it yet. */
    void handedOver(Pending pending) {
        inFlight.add(pending.place());
    }

    /** Takes an event of a parked aggregate; false if it is to be sent. */
    boolean takes(Pending pending) {
        if (!parked.holds(pending)) {
            return false;
        }
        parked.given(pending.key());
        add(pending, AsideEvent.behind(pending.event(), destination(pending)), List.of());
        return true;
    }

    /** Puts a rejected event aside and holds back nothing. */
    void put(Pending rejected, RejectedException reason) {
        add(rejected, rejected(rejected, reason, false), List.of());
    }

    /** Puts a rejected event aside once all earlier ones of its aggregate are settled, and parks the aggregate. */
    void park(Pending rejected, RejectedException reason) {
        parked.park(rejected);
        parked.given(rejected.key());
        add(rejected, rejected(rejected, reason, true), inFlight.before(rejected));
    }

    /**
     * Parks what is parked in the store by now, whoever put it there. Blocks until the store has told.
     *
     * @param fence the right to read the lane: without it nothing is put aside any more
     * @throws InterruptedException also if the run is closed meanwhile
     */
    void laneBegins(Fence fence) throws InterruptedException {
        store.fence(fence);
        Set<EventKey> keys = writer.parked();
        sending.lockInterruptibly();
        try {
            parked.addAll(keys);
        } finally {
            sending.unlock();
        }
    }

    /** How many aggregates are parked, or were until lately. */
    public int parkedKeys() {
        sending.lock();
        try {
            return parked.size();
        } finally {
            sending.unlock();
        }
    }

    /** Why nothing can be put aside at the moment, in one line; empty if nothing waits for that. */
    public Optional<String> failure() {
        return writer.failure();
    }

    /**
     * Sends an aggregate again if the store has nothing of it, and nothing of it came meanwhile. Blocks for the store.
     *
     * @throws IOException if the store cannot be asked; the message is one line
     */
    public void unpark(EventKey key) throws IOException {
        Optional<ParkedKeys.Seen> seen;
        sending.lock();
        try {
            seen = parked.look(key);
        } finally {
            sending.unlock();
        }
        if (seen.isPresent() && store.isFree(key)) {
            sending.lock();
            try {
                parked.removeUnchanged(seen.get());
            } finally {
                sending.unlock();
            }
        }
    }

    @Override
    public void close() {
        writer.close();
    }

    private AsideEvent rejected(Pending pending, RejectedException reason, boolean parks) {
        return AsideEvent.rejected(pending.event(), destination(pending), parks, reason);
    }

    /** Where the event would go, or empty. */
    private String destination(Pending pending) {
        try {
            Message made = pending.message() == null ? router.route(pending.event()) : pending.message();
            return made.destination();
        } catch (RejectedException e) {
            return "";
        }
    }

    private void add(Pending pending, AsideEvent event, List<Place> earlier) {
        writer.add(new AsideWriter.Entry(pending, event, earlier));
    }

    private void written(List<AsideWriter.Entry> stored, List<Pending> free) throws InterruptedException {
        sending.lockInterruptibly();
        try {
            for (AsideWriter.Entry entry : stored) {
                if (entry.event().parks()) {
                    parked.stored(entry.pending().key());
                }
                owner.putAside(entry.pending());
            }
            Set<EventKey> keys = new HashSet<>();
            for (Pending pending : free) {
                if (keys.add(pending.key())) {
                    parked.remove(pending.key());
                    for (Pending next : writer.takeBack(pending.key())) {
                        owner.publish(next);
                    }
                }
            }
        } finally {
            sending.unlock();
        }
    }
}
