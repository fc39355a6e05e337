package io.outboxrelay.relay.chaos;

import java.time.Duration;

/**
 * The counts at one moment, since the beginning.
 *
 * @param at since the beginning of the run
 * @param committed events
 * @param delivered different events
 * @param duplicates further messages
 */
record Sample(Duration at, int committed, int delivered, int duplicates) {

    /** How many events were committed and not delivered; a few more may be, whose writers do not know it yet. */
    int lag() {
        return Math.max(0, committed - delivered);
    }
}
