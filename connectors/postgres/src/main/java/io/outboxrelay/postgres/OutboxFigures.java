package io.outboxrelay.postgres;

import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/**
 * What the database tells of an outbox and of the relays that read it, at one moment. A part is empty where nobody can
 * tell: there is no such thing, the role may not see it, or it took too long.
 *
 * @param at when it was read, by the clock of this machine
 * @param slot the replication slot; empty for a source that reads the table
 * @param waiting what is unsent; empty where rows stay in the table without a mark, so that it cannot tell
 * @param deadLetters what is put aside; empty without the table
 * @param readers who holds the lock on the outbox
 */
public record OutboxFigures(
        Instant at,
        Optional<Slot> slot,
        Optional<Waiting> waiting,
        Optional<DeadLetters> deadLetters,
        Optional<Readers> readers) {

    /** No more are counted, whatever is counted. */
    public static final int MOST = 100_000;

    /** Nothing is known. */
    public static OutboxFigures none(Instant at) {
        return new OutboxFigures(at, Optional.empty(), Optional.empty(), Optional.empty(), Optional.empty());
    }

    /**
     * A replication slot, and what the server keeps for it.
     *
     * @param name its name
     * @param active whether somebody streams from it
     * @param walStatus {@code reserved}, {@code extended}, {@code unreserved} or {@code lost}, as the server says it; or
     *     {@link #MISSING}
     * @param retainedBytes how much log the server keeps for it
     * @param lagBytes how much log lies between what is confirmed and the end of the log, that of other tables included
     */
    public record Slot(String name, boolean active, String walStatus, long retainedBytes, long lagBytes) {

        /** There is no such slot in this database. */
        public static final String MISSING = "missing";

        /** Whether it can be streamed from, now or later. */
        public boolean isUsable() {
            return !walStatus.equals("lost") && !walStatus.equals(MISSING);
        }
    }

    /**
     * Unsent rows, those among them that are just being sent included.
     *
     * @param rows how many; what lies above {@link #MOST} is the server's estimate
     * @param estimated whether it is an estimate
     * @param oldest for how long the first of them has been there; empty if there is none, or its time is not known
     */
    public record Waiting(long rows, boolean estimated, Optional<Duration> oldest) {}

    /**
     * What is put aside.
     *
     * @param letters events, counted up to {@link #MOST}
     * @param parkedKeys aggregates that are held back, counted up to {@link #MOST}
     */
    public record DeadLetters(long letters, long parkedKeys) {}

    /**
     * Who reads the outbox.
     *
     * @param all every session that may; several only of those that read the table
     * @param leader who of them does what only one may do; empty if none does yet
     */
    public record Readers(List<ReplicationSlot.Holder> all, Optional<ReplicationSlot.Holder> leader) {}
}
