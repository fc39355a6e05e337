package io.outboxrelay.schema;

/**
 * The SQL that finds the parked aggregates by the index {@code outbox_dead_letter_parked}, from each to the next: it
 * reads one row of an aggregate, however many there are.
 */
public final class ParkedIndex {

    private static final String TEXT = "coalesce(char_length(aggregate_type)::text || '=' || aggregate_type, '') || '/'"
            + " || coalesce('=' || aggregate_id, '')";

    private static final String FIRST_HASH = "hashtextextended(" + TEXT + ", 0)";
    private static final String SECOND_HASH = "hashtextextended(" + TEXT + ", 1)";

    private static final String NEXT = "SELECT " + FIRST_HASH + " AS first_hash, " + SECOND_HASH
            + " AS second_hash, aggregate_type, aggregate_id FROM %1$s WHERE outbox = ? AND parked AND ("
            + FIRST_HASH + ", " + SECOND_HASH + ") > (%2$s) ORDER BY " + FIRST_HASH + ", " + SECOND_HASH + " LIMIT 1";

    /**
     * Parameters: the outbox, the two hashes behind which it begins, and the outbox once more. Has the columns {@code
     * first_hash, second_hash, aggregate_type, aggregate_id}, and is read only as far as a LIMIT behind it says.
     */
    private static final String KEYS = "WITH RECURSIVE key AS ((" + NEXT.formatted("%1$s", "?, ?")
            + ") UNION ALL SELECT behind.* FROM key CROSS JOIN LATERAL ("
            + NEXT.formatted("%1$s", "key.first_hash, key.second_hash") + ") AS behind) SELECT %2$s FROM %3$s";

    private ParkedIndex() {}

    /** Some parked aggregates behind a place in the index. */
    public static String keys(String table, int atMost) {
        return KEYS.formatted(table, "first_hash, second_hash, aggregate_type, aggregate_id", "key LIMIT " + atMost);
    }

    /** How many there are behind a place in the index, as far as that is counted. */
    public static String count(String table, int atMost) {
        return KEYS.formatted(table, "count(*)", "(SELECT FROM key LIMIT " + atMost + ") AS counted");
    }
}
