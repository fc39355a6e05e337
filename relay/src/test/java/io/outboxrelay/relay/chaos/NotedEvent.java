package io.outboxrelay.relay.chaos;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;

import io.outboxrelay.testkit.history.Digest;

/**
 * An event that the workload's truth is told of, too, so that it is judged like all others.
 *
 * @param id a UUID
 * @param aggregate no aggregate of the workload's
 * @param version from 1; one writer alone writes the aggregate
 * @param payload JSON as Postgres prints {@code jsonb}
 * @param headers JSON
 */
record NotedEvent(String id, String aggregate, int version, String payload, String headers) {

    /** Inserts it in one transaction and commits. The connection must not be in autocommit mode. */
    void insert(Connection connection) throws SQLException {
        try (PreparedStatement insert = connection.prepareStatement(
                "INSERT INTO truth.event (event_id, aggregate_id, version, digest) VALUES (?, ?, ?, ?)")) {
            insert.setString(1, id);
            insert.setString(2, aggregate);
            insert.setInt(3, version);
            insert.setString(4, Digest.of(payload));
            insert.execute();
        }
        try (PreparedStatement insert =
                connection.prepareStatement("INSERT INTO outbox (id, aggregate_type, aggregate_id, type, payload,"
                        + " headers) VALUES (?::uuid, 'order', ?, 'OrderChanged', ?::jsonb, ?::jsonb)")) {
            insert.setString(1, id);
            insert.setString(2, aggregate);
            insert.setString(3, payload);
            insert.setString(4, headers);
            insert.execute();
        }
        connection.commit();
    }
}
