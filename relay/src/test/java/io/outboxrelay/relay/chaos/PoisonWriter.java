package io.outboxrelay.relay.chaos;

import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.Random;
import java.util.UUID;

import io.outboxrelay.testkit.TestDatabase;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Writes events that can never be messages, each in the middle of an aggregate of its own, and notes them in the
 * workload's truth. It goes on through outages of the database.
 */
final class PoisonWriter implements AutoCloseable {

    private static final Logger log = LoggerFactory.getLogger(PoisonWriter.class);

    static final String POISONOUS_HEADERS = "[1]";

    private static final int EVENTS = 4;
    private static final int POISON = 2;
    private static final Duration BETWEEN = Duration.ofMillis(150);

    private final TestDatabase database;
    private final Random random;
    private final Thread thread = new Thread(this::write, "poison");

    private volatile boolean closed;
    private int aggregates;

    /** The workload must have begun: its truth is there. */
    PoisonWriter(TestDatabase database, long seed) {
        this.database = database;
        this.random = new Random(seed);
        thread.setDaemon(true);
        thread.start();
    }

    /** Ends the last transaction. */
    @Override
    public void close() {
        closed = true;
        try {
            thread.join();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted while the poison writer ended", e);
        }
    }

    private void write() {
        while (!closed) {
            try (Connection connection = database.connect()) {
                connection.setAutoCommit(false);
                while (!closed) {
                    aggregate(connection, "poison-" + ++aggregates);
                }
            } catch (SQLException outage) {
                log.debug("The poison writer begins anew with another aggregate", outage);
                Moments.pass(BETWEEN);
            }
        }
    }

    private void aggregate(Connection connection, String id) throws SQLException {
        for (int version = 1; version <= EVENTS; version++) {
            String eventId = new UUID(random.nextLong(), random.nextLong()).toString();
            // Headers that are no object can never be those of a message.
            String headers = version == POISON ? POISONOUS_HEADERS : "{}";
            new NotedEvent(eventId, id, version, "{\"poison\": " + version + "}", headers).insert(connection);
            Moments.pass(BETWEEN);
        }
    }
}
