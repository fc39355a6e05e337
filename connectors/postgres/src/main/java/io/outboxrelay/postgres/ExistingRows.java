package io.outboxrelay.postgres;

/** What becomes of rows that were in the outbox before its slot was created: the log does not tell of them. */
public enum ExistingRows {
    /** The relay does not start, so that somebody decides. */
    REFUSE,
    /** They are never relayed. */
    SKIP
}
