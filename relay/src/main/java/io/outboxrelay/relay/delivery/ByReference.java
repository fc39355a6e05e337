package io.outboxrelay.relay.delivery;

import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletionException;
import java.util.concurrent.locks.ReentrantLock;

import io.outboxrelay.api.Message;
import io.outboxrelay.api.RejectedException;

/**
 * Events whose messages carry a reference in place of the payload. Until the payload is stored, the later events of the
 * aggregate wait behind the event; all others flow.
 */
final class ByReference implements AutoCloseable {

    /** Who sends. Called with the lock of the sending held. */
    interface Owner {

        /** The event may be sent. */
        void publish(Pending pending) throws InterruptedException;

        /** Its payload can never be stored. */
        void rejected(Pending pending, RejectedException reason) throws InterruptedException;
    }

    private final Payloads payloads;
    private final HeldKeys held;
    private final ReentrantLock sending;
    private final Unexpected unexpected;
    private final Owner owner;

    /**
     * @param held where the later events of an aggregate wait
     * @param sending held by whoever asks here
     * @param unexpected told of what nobody hears
     */
    ByReference(Payloads payloads, HeldKeys held, ReentrantLock sending, Unexpected unexpected, Owner owner) {
        this.payloads = payloads;
        this.held = held;
        this.sending = sending;
        this.unexpected = unexpected;
        this.owner = owner;
    }

    /** Takes an event, whose message is made, if its payload has to be stored first; false if it may be sent. */
    boolean takes(Pending pending) {
        switch (pending.reference()) {
            case NONE -> {
                if (pending.isDeadLetter() || !payloads.wants(pending.event())) {
                    return false;
                }
                store(pending);
            }
            case STORING -> hold(pending);
            case STORED -> {
                return false;
            }
        }
        return true;
    }

    /** Takes an event that was rejected if it may go by reference instead. */
    boolean takes(Pending rejected, RejectedException reason) {
        if (rejected.reference() != Pending.Reference.NONE
                || rejected.isDeadLetter()
                || rejected.message() == null
                || !payloads.mends(rejected.event(), reason)) {
            return false;
        }
        store(rejected);
        return true;
    }

    /** The event is not sent by reference any more, at least not before its payload is stored anew. */
    void forget(Pending pending) {
        if (pending.reference() == Pending.Reference.STORED) {
            payloads.settled(pending.event());
        }
    }

    Optional<String> failure() {
        return payloads.failure();
    }

    @Override
    public void close() {
        payloads.close();
    }

    private void store(Pending pending) {
        pending.reference(Pending.Reference.STORING);
        hold(pending);
        payloads.store(pending.event(), pending.message())
                .whenComplete((message, failure) -> stored(pending, message, failure));
    }

    /** One that is redriven goes past whatever holds back its aggregate, and holds back nothing itself. */
    private void hold(Pending pending) {
        if (!pending.isRedriven()) {
            held.hold(pending);
        }
    }

    private void stored(Pending pending, Message message, Throwable failure) {
        try {
            sending.lockInterruptibly();
            try {
                Optional<RejectedException> reason =
                        Optional.ofNullable(failure).map(ByReference::rejection);
                goOn(pending, message, reason);
            } finally {
                sending.unlock();
            }
        } catch (InterruptedException e) {
            Thread.currentThread()
                    .interrupt(); // Only the end of the run interrupts, and then nothing is sent any more.
        } catch (RuntimeException | Error e) {
            unexpected.happened(e); // Whoever completed the stage hears nothing of it.
        }
    }

    private void goOn(Pending pending, Message message, Optional<RejectedException> reason)
            throws InterruptedException {
        List<Pending> released = pending.isRedriven() ? List.of(pending) : held.release(pending);
        if (reason.isEmpty()) {
            pending.message(message);
            pending.reference(Pending.Reference.STORED);
            for (Pending next : released) {
                owner.publish(next);
            }
        } else if (released.isEmpty()) {
            // It comes again with an earlier event that is held by now, and is rejected then.
            pending.reference(Pending.Reference.NONE);
        } else {
            pending.reference(Pending.Reference.STORED);
            owner.rejected(pending, reason.get());
            for (Pending next : released.subList(1, released.size())) {
                owner.publish(next);
            }
        }
    }

    /** Why the payload can never be stored; nothing else is a reason to give the event up. */
    private static RejectedException rejection(Throwable failure) {
        Throwable cause = failure instanceof CompletionException ? failure.getCause() : failure;
        if (cause instanceof RejectedException reason) {
            return reason;
        }
        throw new IllegalStateException("no payload can be stored", cause);
    }
}
