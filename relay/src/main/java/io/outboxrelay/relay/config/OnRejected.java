package io.outboxrelay.relay.config;

/** What becomes of an event that the broker will never take, or that can never become a message. */
public enum OnRejected {
    /** Stop before it, store nothing behind it for its key, and wait for an operator's word. */
    HALT,
    /** Store it in the dead-letter destination with the reason, and go on. */
    DEAD_LETTER
}
