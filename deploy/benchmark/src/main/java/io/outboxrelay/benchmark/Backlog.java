package io.outboxrelay.benchmark;

import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

import org.apache.kafka.common.record.TimestampType;

/**
 * How fast rows that are committed already become messages, and go from the table: between the times at which Kafka stored
 * the first and the last message, and between the first message and the moment at which the last row is gone.
 *
 * @param events how many rows
 * @param how of the figures' names
 */
record Backlog(int events, String how) {

    private static final Duration LIMIT = Duration.ofMinutes(10);

    /**
     * Starts a relay, waits until all is in the topic, and judges it.
     *
     * @param rowsGo whether to wait for the table to be empty too
     */
    List<Figure> drain(Relay relay, Outbox outbox, String configuration, boolean rowsGo) throws Exception {
        try (Topic topic = new Topic(outbox)) {
            double processorSeconds;
            double residentMegabytes;
            long emptyAt = 0;
            try (Relay.Running running = relay.start(outbox, configuration)) {
                Patience patience = new Patience("the last message", LIMIT);
                while (topic.size() < events) {
                    running.requireAlive();
                    patience.pause();
                }
                while (rowsGo && !isEmpty(outbox)) {
                    running.requireAlive();
                    patience.pause();
                }
                emptyAt = System.currentTimeMillis();
                processorSeconds = running.processorSeconds();
                residentMegabytes = running.residentMegabytes();
                running.stop();
            }
            Check check = new Check(events);
            long[] stored = {Long.MAX_VALUE, Long.MIN_VALUE};
            topic.readAll(record -> {
                if (record.timestampType() != TimestampType.LOG_APPEND_TIME) {
                    throw new IllegalStateException("the topic does not tell when messages were stored");
                }
                stored[0] = Math.min(stored[0], record.timestamp());
                stored[1] = Math.max(stored[1], record.timestamp());
                check.received(record.key(), Topic.numberOf(record));
            });
            check.requireRight();
            String name = how + "drain of " + events;
            List<Figure> figures = new ArrayList<>();
            figures.add(Figure.more(name, "rows/s", events / seconds(stored[1] - stored[0])));
            if (rowsGo) {
                figures.add(Figure.more(name + ", sent and gone", "rows/s", events / seconds(emptyAt - stored[0])));
            }
            figures.add(Figure.less(name + ", processor", "s/million", processorSeconds / events * 1e6));
            figures.add(Figure.less(name + ", resident at its end", "MB", residentMegabytes));
            figures.add(Figure.less(name + ", duplicates", "rows", check.duplicates()));
            return figures;
        }
    }

    private static double seconds(long millis) {
        return Math.max(0.001, millis / 1e3);
    }

    private static boolean isEmpty(Outbox outbox) throws SQLException {
        try (Connection connection = outbox.connect();
                Statement statement = connection.createStatement();
                ResultSet row = statement.executeQuery("SELECT NOT EXISTS (SELECT FROM outbox)")) {
            return row.next() && row.getBoolean(1);
        }
    }
}
