package io.outboxrelay.quickstart;

import java.util.Locale;

/**
 * How far it came, in events.
 *
 * @param committed in transactions that committed
 * @param delivered committed and received, each counted once
 * @param lost committed and not received
 * @param rolledBackSeen received, but never committed
 * @param outOfOrder received for the first time after a later event of the same order
 * @param duplicates received again
 * @param p50Millis from commit to receipt, for half of the events
 * @param p99Millis for 99 of 100
 */
record Summary(
        long committed,
        long delivered,
        long lost,
        long rolledBackSeen,
        long outOfOrder,
        long duplicates,
        double p50Millis,
        double p99Millis) {

    /** Whether so many events were committed, and all is as promised; duplicates are allowed. */
    boolean isRight(long expected) {
        return committed == expected && delivered == expected && lost == 0 && rolledBackSeen == 0 && outOfOrder == 0;
    }

    /** One line for people and programs. */
    @Override
    public String toString() {
        return String.format(
                Locale.ROOT,
                "committed=%d delivered=%d lost=%d rolled_back_seen=%d out_of_order=%d p50_ms=%.1f p99_ms=%.1f%s",
                committed,
                delivered,
                lost,
                rolledBackSeen,
                outOfOrder,
                p50Millis,
                p99Millis,
                duplicates == 0 ? "" : " duplicates=" + duplicates);
    }
}
