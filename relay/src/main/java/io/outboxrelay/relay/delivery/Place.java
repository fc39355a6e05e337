package io.outboxrelay.relay.delivery;

/**
 * The place of an event in the order of all hand-overs of a run. Keeps nothing of the event once that is settled, so who
 * remembers places for long costs little memory. Safe for use by any thread.
 */
final class Place {

    private final long sequence;

    /** Null once the event is settled: keys can be long. */
    private volatile EventKey key;

    Place(long sequence, EventKey key) {
        this.sequence = sequence;
        this.key = key;
    }

    long sequence() {
        return sequence;
    }

    void settle() {
        key = null;
    }

    boolean isSettled() {
        return key == null;
    }

    /** Whether it is that of an unsettled event of this aggregate. */
    boolean isUnsettledOf(EventKey aggregate) {
        return aggregate.equals(key);
    }
}
