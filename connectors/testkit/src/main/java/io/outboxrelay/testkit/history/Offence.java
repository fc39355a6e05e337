package io.outboxrelay.testkit.history;

/**
 * One way in which a history breaks the promise.
 *
 * @param kind which
 * @param key of the aggregate, or null where a record had none
 * @param eventId of the event, or null where the offence is not about one
 * @param detail what was seen, and where
 */
public record Offence(Kind kind, String key, String eventId, String detail) {

    /** The ways to break the promise. */
    public enum Kind {
        /** Committed and never received. */
        LOST,
        /** Received, but rolled back or never written. */
        PHANTOM,
        /** First received after an event of its key that was committed later. */
        OUT_OF_ORDER,
        /** A replay that leaves out what followed: going back to event k, it must go on with k + 1. */
        BROKEN_REPLAY,
        /** One key in more than one partition. Its order is not judged: there is none. */
        SPLIT_KEY,
        /** Received under another key than its own. */
        WRONG_KEY,
        /** Received with another payload than was committed. */
        CHANGED_PAYLOAD
    }

    @Override
    public String toString() {
        return "key " + key + (eventId == null ? "" : ", event " + eventId) + ": " + detail;
    }
}
