package io.outboxrelay.api;

import java.time.Instant;
import java.util.Optional;

/**
 * What a source knows of itself, for operators and for whoever decides which source reads. A copy; may be a second old.
 *
 * @param caughtUp whether the source has lately seen the end of what is committed, or nearly so
 * @param log what the server keeps of its log for this source; empty for a source that reads the table, or if unknown
 * @param removed rows deleted or marked after delivery, since the start of the run
 * @param missed rows that the position had passed although nobody sent them, found and published since the start of the
 *     run
 */
public record SourceStatus(boolean caughtUp, Optional<RetainedLog> log, long removed, long missed) {

    /**
     * What the server keeps for a replication slot.
     *
     * @param bytes how much log
     * @param walStatus as the server says it: {@code reserved}, {@code extended}, {@code unreserved} or {@code lost}
     * @param movedAt when the slot was last seen to move
     */
    public record RetainedLog(long bytes, String walStatus, Instant movedAt) {}

    /** A source of which nothing is known. */
    public static final SourceStatus UNKNOWN = new SourceStatus(false, Optional.empty(), 0, 0);
}
