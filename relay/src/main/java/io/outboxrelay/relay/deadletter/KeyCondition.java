package io.outboxrelay.relay.deadletter;

import java.sql.PreparedStatement;
import java.sql.SQLException;

import io.outboxrelay.relay.delivery.EventKey;

/** The SQL that finds the rows of one aggregate by the index on the hash of its key, which may be long. */
final class KeyCondition {

    /** The key as operators write it. */
    private static final String TEXT = "coalesce(aggregate_type, '') || '/' || coalesce(aggregate_id, '')";

    /** With two parameters, that {@link #set} sets. */
    static final String SQL = "hashtextextended(" + TEXT + ", 0) = hashtextextended(?, 0)"
            + " AND aggregate_type IS NOT DISTINCT FROM ? AND aggregate_id IS NOT DISTINCT FROM ?";

    /** For a key as operators write it, with two parameters that are the same. */
    static final String BY_TEXT = "hashtextextended(" + TEXT + ", 0) = hashtextextended(?, 0) AND " + TEXT + " = ?";

    private KeyCondition() {}

    /** Sets the parameters of {@link #SQL}, and returns the index of the next one. */
    static int set(PreparedStatement statement, int from, EventKey key) throws SQLException {
        statement.setString(from, key.toString());
        statement.setString(from + 1, key.aggregateType());
        statement.setString(from + 2, key.aggregateId());
        return from + 3;
    }
}
