package io.outboxrelay.postgres;

/** What becomes of rows that are in the outbox at the first start, before its slot is created: the log does not tell of them. */
public enum ExistingRows {
    /** They are published before what the log tells. */
    PUBLISH,
    /** They are never relayed. Only where the table is no queue, since later they could not be told from unsent ones. */
    SKIP,
    /** The relay does not start, so that somebody decides. */
    REFUSE
}
