package io.outboxrelay.benchmark;

import java.io.IOException;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.List;

/** How long it takes after somebody dropped the slot until the table is read, and a row that came meanwhile is there. */
record Fallback() {

    private static final Duration LIMIT = Duration.ofSeconds(60);

    List<Figure> measure(Subject subject, Outbox outbox) throws Exception {
        try (SubjectProcess process = subject.startReady(outbox);
                Topic topic = new Topic(outbox);
                Connection connection = outbox.connect();
                PreparedStatement insert = Outbox.inserting(connection, Rows.of(1))) {
            insert(insert, 0);
            awaitMessage(topic, process, 0);
            dropSlot(connection);
            long dropped = System.nanoTime();
            insert(insert, 1);
            process.awaitLine(RelaySubject.READS_TABLE);
            double polling = secondsSince(dropped);
            awaitMessage(topic, process, 1);
            double delivered = secondsSince(dropped);
            process.stop();
            return List.of(
                    Figure.less("slot dropped to POLLING", "s", polling),
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

    private static void awaitMessage(Topic topic, SubjectProcess process, int number) throws IOException {
        Patience patience = new Patience("message " + number, LIMIT);
        while (topic.poll().stream().noneMatch(record -> Topic.numberOf(record) == number)) {
            process.requireAlive();
            patience.check();
        }
    }

    private static double secondsSince(long began) {
        return (System.nanoTime() - began) / 1e9;
    }
}
