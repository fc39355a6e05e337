package io.outboxrelay.api;

import java.util.Objects;

import io.outboxrelay.schema.Identifier;

/**
 * What becomes of a row once it is settled: the section {@code outbox.after-delivery} and its neighbours.
 *
 * @param action what is done
 * @param markColumn the column that {@link Action#MARK} sets to the time; NULL there means unsent
 * @param batchRows the most rows that one statement removes or marks
 * @param rowsPerSecond the most rows that are removed or marked in a second; 0 for no limit
 * @param partitionRows how many numbers of {@code seq} one partition spans, with {@link Action#DROP_PARTITION}
 * @param partitionsAhead how many empty partitions wait for the numbers to come
 */
public record AfterDelivery(
        Action action, String markColumn, int batchRows, int rowsPerSecond, long partitionRows, int partitionsAhead) {

    /** What is done with a settled row. */
    public enum Action {
        /** It is deleted. */
        DELETE,
        /** It stays, marked as delivered. */
        MARK,
        /** It stays until all rows of its partition are settled; then the partition is dropped. While polling: as DELETE. */
        DROP_PARTITION,
        /** It stays as it is. The table cannot tell then what is unsent. */
        KEEP
    }

    /** Rows are deleted, as fast as they are settled. */
    public static final AfterDelivery DELETE = of(Action.DELETE);

    /** @throws IllegalArgumentException if the mark's column is not a usable identifier */
    public AfterDelivery {
        Objects.requireNonNull(action);
        Identifier.requireValid(markColumn);
    }

    /** The action with the numbers that are the default. */
    public static AfterDelivery of(Action action) {
        return new AfterDelivery(action, "delivered_at", 2_000, 0, 10_000_000, 3);
    }

    /** The SQL condition for an unsent row of a table that {@link #tableIsQueue}; always true where no row is marked. */
    public String unsent() {
        return action == Action.MARK ? Identifier.quote(markColumn) + " IS NULL" : "true";
    }

    /** Whether the table tells what is unsent, so that a source may begin at the table. */
    public boolean tableIsQueue() {
        return action != Action.KEEP;
    }
}
