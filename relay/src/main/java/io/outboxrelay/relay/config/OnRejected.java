package io.outboxrelay.relay.config;

/** What becomes of an event that the broker will never take, or that can never become a message. */
public enum OnRejected {
    /** Stop before it, store nothing behind it for its key, and wait for an operator's word. */
    HALT,
    /** Put it aside with the reason, and go on, with its aggregate too. */
    DEAD_LETTER,
    /** Put it aside, and every later one of its aggregate behind it, until an operator releases them; all others flow. */
    PARK_KEY
}
