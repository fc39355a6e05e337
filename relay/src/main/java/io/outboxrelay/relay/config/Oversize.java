package io.outboxrelay.relay.config;

/** What becomes of an event whose message is larger than the broker takes. */
public enum Oversize {
    /** It is rejected. */
    REJECT,
    /** Its payload is stored in the service's database, and the message carries a reference. */
    CLAIM_CHECK
}
