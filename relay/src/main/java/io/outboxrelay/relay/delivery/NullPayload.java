package io.outboxrelay.relay.delivery;

/** What a row without a payload becomes: one whose payload is NULL, not one that is merely empty. */
public enum NullPayload {
    /** A message with an empty payload. */
    EMPTY,
    /** A message without any, which Kafka calls a tombstone: a compacted topic forgets its key. */
    TOMBSTONE
}
