package io.outboxrelay.relay.delivery;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.IntConsumer;

import io.outboxrelay.api.Message;
import io.outboxrelay.api.OutboxEvent;

/** One event between its hand-over and its settlement. */
final class Pending implements Comparable<Pending> {

    /** What was handed over together and is acknowledged together. */
    static final class Batch {

        private final long first;
        private final IntConsumer each;
        private final AtomicInteger open;
        private final CompletableFuture<Void> settled = new CompletableFuture<>();

        /**
         * @param first the sequence number of its first event; the others follow without a gap
         * @param each told of every event that is settled, by its index
         */
        Batch(long first, int size, IntConsumer each) {
            this.first = first;
            this.each = each;
            this.open = new AtomicInteger(size);
            if (size == 0) {
                settled.complete(null);
            }
        }

        CompletableFuture<Void> settled() {
            return settled;
        }

        private void settle(long sequence) {
            each.accept((int) (sequence - first));
            if (open.decrementAndGet() == 0) {
                settled.complete(null);
            }
        }
    }

    /** Whether the message carries a reference in place of the payload. */
    enum Reference {
        NONE,
        STORING,
        STORED
    }

    private final Place place;
    private final OutboxEvent event;
    private final Batch batch;
    private final boolean redriven;

    /** The message to publish; made when first needed, and replaced by the dead letter once the event is rejected. */
    private Message message;

    private boolean deadLetter;

    /** Outlives a message that is made anew; a span that has ended makes room for none. */
    private EventSpan span = EventSpan.NONE;

    /** When it was last given to a broker, by {@link System#nanoTime}; read only after the broker's answer. */
    private long sentAt;

    private volatile Reference reference = Reference.NONE;

    /** Why the last attempt failed; read only after it has. */
    private Throwable failure;

    Pending(long sequence, OutboxEvent event, Batch batch) {
        this(sequence, event, batch, false);
    }

    private Pending(long sequence, OutboxEvent event, Batch batch, boolean redriven) {
        this.place = new Place(sequence, EventKey.of(event));
        this.event = event;
        this.batch = batch;
        this.redriven = redriven;
    }

    /** An event that was put aside before and is sent once more: nothing holds it back, and no policy applies to it. */
    static Pending redriven(long sequence, OutboxEvent event) {
        return new Pending(sequence, event, new Batch(sequence, 1, index -> {}), true);
    }

    /** Its place in the order of all hand-overs of this run. */
    long sequence() {
        return place.sequence();
    }

    /** The same, for those who need not know the event. */
    Place place() {
        return place;
    }

    boolean isRedriven() {
        return redriven;
    }

    OutboxEvent event() {
        return event;
    }

    /** Tells the batch. */
    void settle() {
        place.settle();
        batch.settle(sequence());
    }

    /** Completes when a redriven event is stored; with the reason if it is rejected again. */
    CompletableFuture<Void> outcome() {
        return batch.settled();
    }

    EventKey key() {
        return EventKey.of(event);
    }

    Message message() {
        return message;
    }

    void message(Message made) {
        this.message = made;
    }

    EventSpan span() {
        return span;
    }

    void span(EventSpan begun) {
        this.span = begun;
    }

    long sentAt() {
        return sentAt;
    }

    void sentAt(long nanos) {
        this.sentAt = nanos;
    }

    boolean isDeadLetter() {
        return deadLetter;
    }

    void putAside(Message asDeadLetter) {
        this.message = asDeadLetter;
        this.deadLetter = true;
    }

    Reference reference() {
        return reference;
    }

    void reference(Reference state) {
        this.reference = state;
    }

    /** Forgets what earlier attempts made of the event, so that the next begins with the row. */
    void reset() {
        if (reference == Reference.STORING) {
            return; // Nothing was attempted yet.
        }
        this.reference = Reference.NONE;
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
        return Long.compare(sequence(), other.sequence());
    }
}
