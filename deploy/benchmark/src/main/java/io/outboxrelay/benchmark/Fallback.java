package io.outboxrelay.benchmark;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.List;

/** How long it takes after somebody dropped the slot until the table is read, and a row that came meanwhile is there. */
record Fallback() {

    private static final Duration LIMIT = Duration.ofSeconds(60);

    List<Figure> measure(Relay relay, Outbox outbox) throws Exception {
        try (Relay.Running running = relay.start(outbox).awaitStreaming();
                Topic topic = new Topic(outbox);
                Connection connection = outbox.connect();
                PreparedStatement insert = Outbox.inserting(connection)) {
            insert(insert, 0);
            awaitMessage(topic, running, 0);
            dropSlot(connection);
            long dropped = System.nanoTime();
            insert(insert, 1);
            running.awaitPolling();
            double polling = secondsSince(dropped);
            awaitMessage(topic, running, 1);
            double delivered = secondsSince(dropped);
            running.stop();
            return List.of(
                    Figure.less("slot dropped to polling", "s", polling),
                    Figure.less("slot dropped to the next message", "s", delivered));
        }
    }

    /** The slot is free only for the moment between the end of a reader and the next. */
    private static void dropSlot(Connection connection) throws SQLException, InterruptedException {
        Patience patience = new Patience("the slot to be dropped", LIMIT);
        try (Statement statement = connection.createStatement()) {
            while (true) {
                try {
                    statement.execute("SELECT pg_terminate_backend(active_pid, 1000) FROM pg_replication_slots"
                            + " WHERE active_pid IS NOT NULL AND database = current_database()");
                    statement.execute("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots"
                            + " WHERE database = current_database()");
                    return;
                } catch (SQLException e) {
                    if (!"55006".equals(e.getSQLState())) {
                        throw e;
                    }
                    patience.pause();
                }
            }
        }
    }

    private static void insert(PreparedStatement insert, long number) throws SQLException {
        insert.setArray(1, insert.getConnection().createArrayOf("bigint", new Long[] {number}));
        insert.executeUpdate();
    }

    private static void awaitMessage(Topic topic, Relay.Running running, int number) {
        Patience patience = new Patience("message " + number, LIMIT);
        while (topic.poll().stream().noneMatch(record -> Topic.numberOf(record) == number)) {
            running.requireAlive();
            patience.check();
        }
    }

    private static double secondsSince(long began) {
        return (System.nanoTime() - began) / 1e9;
    }
}
