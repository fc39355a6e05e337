package io.outboxrelay.relay.deadletter;

/**
 * How much is put aside of one outbox.
 *
 * @param letters events in the table, counted up to {@link #MOST}
 * @param parkedKeys aggregates that are held back, counted up to {@link #MOST}
 */
public record DeadLetterCounts(long letters, long parkedKeys) {

    /** No more are counted: a table of any size is counted in a second or so. */
    public static final int MOST = 100_000;

    /** Nothing is. */
    public static final DeadLetterCounts NONE = new DeadLetterCounts(0, 0);

    /** A count for people. */
    public static String text(long count) {
        return count < MOST ? Long.toString(count) : MOST + " or more";
    }
}
