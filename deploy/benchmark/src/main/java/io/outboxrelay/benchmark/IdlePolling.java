package io.outboxrelay.benchmark;

import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.List;

/**
 * What the poller costs while nothing happens: statements, each of which is a transaction of its own to
 * {@code pg_stat_database}, and processor time. The server's autovacuum, whose transactions count too, is off meanwhile.
 *
 * @param seconds how long it is measured
 */
record IdlePolling(int seconds) {

    /** The first polls after the start are short; and the server counts a session's transactions up to 10 s late. */
    private static final Duration SETTLE = Duration.ofSeconds(15);

    List<Figure> measure(Subject subject, Outbox outbox) throws Exception {
        try (SubjectProcess process = subject.startReady(outbox)) {
            autovacuum(outbox, false);
            try {
                Thread.sleep(SETTLE.toMillis());
                long transactionsBefore = transactions(outbox);
                double processorBefore = process.processorSeconds();
                long began = System.nanoTime();
                Thread.sleep(Duration.ofSeconds(seconds).toMillis());
                double lasted = (System.nanoTime() - began) / 1e9;
                double processor = process.processorSeconds() - processorBefore;
                long transactions = transactions(outbox) - transactionsBefore;
                process.stop();
                return List.of(
                        Figure.less("queries", "1/s", transactions / lasted),
                        Figure.less("processor", "% of one", processor / lasted * 100));
            } finally {
                autovacuum(outbox, true);
            }
        }
    }

    private static void autovacuum(Outbox outbox, boolean on) throws SQLException {
        try (Connection connection = outbox.connectElsewhere();
                Statement statement = connection.createStatement()) {
            statement.execute("ALTER SYSTEM SET autovacuum = " + (on ? "on" : "off"));
            statement.execute("SELECT pg_reload_conf()");
        }
    }

    /** Asked from another database, so that the question does not count. */
    private static long transactions(Outbox outbox) throws SQLException {
        try (Connection connection = outbox.connectElsewhere();
                Statement statement = connection.createStatement();
                ResultSet row = statement.executeQuery("SELECT xact_commit + xact_rollback FROM pg_stat_database"
                        + " WHERE datname = '" + outbox.address().name() + "'")) {
            row.next();
            return row.getLong(1);
        }
    }
}
