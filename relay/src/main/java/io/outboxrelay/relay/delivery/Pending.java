package io.outboxrelay.relay.delivery;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;

import io.outboxrelay.api.Message;
import io.outboxrelay.api.OutboxEvent;

/** One event between its hand-over and its settlement. */
final class Pending implements Comparable<Pending> {

    /** What was handed over together and is acknowledged together. */
    static final class Batch {

        private final AtomicInteger open;
        private final CompletableFuture<Void> settled = new CompletableFuture<>();

        Batch(int size) {
            this.open = new AtomicInteger(size);
            if (size == 0) {
                settled.complete(null);
            }
        }

        CompletableFuture<Void> settled() {
            return settled;
        }

        void settleOne() {
            if (open.decrementAndGet() == 0) {
                settled.complete(null);
            }
        }
    }

    /** What keeps order: events of one aggregate, and no others, wait for each other. */
    record Key(String aggregateType, String aggregateId) {}

    private final long sequence;
    private final OutboxEvent event;
    private final Batch batch;

    /** The message to publish; made when first needed, and replaced by the dead letter once the event is rejected. */
    private Message message;

    private boolean deadLetter;

    /** Why the last attempt failed; read only after it has. */
    private Throwable failure;

    Pending(long sequence, OutboxEvent event, Batch batch) {
        this.sequence = sequence;
        this.event = event;
        this.batch = batch;
    }

    OutboxEvent event() {
        return event;
    }

    Batch batch() {
        return batch;
    }

    Key key() {
        return new Key(event.aggregateType(), event.aggregateId());
    }

    Message message() {
        return message;
    }

    void message(Message made) {
        this.message = made;
    }

    boolean isDeadLetter() {
        return deadLetter;
    }

    void putAside(Message asDeadLetter) {
        this.message = asDeadLetter;
        this.deadLetter = true;
    }

    /** Forgets what earlier attempts made of the event, so that the next begins with the row. */
    void reset() {
        this.message = null;
        this.deadLetter = false;
        this.failure = null;
    }

    Throwable failure() {
        return failure;
    }

    void failure(Throwable cause) {
        this.failure = cause;
    }

    @Override
    public int compareTo(Pending other) {
        return Long.compare(sequence, other.sequence);
    }
}
