package io.outboxrelay.benchmark;

import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.List;

/**
 * How fast the poller drains a table that holds a backlog, and deletes it.
 *
 * @param events rows of the backlog
 * @param oldSnapshot whether another session keeps a snapshot meanwhile, so that no deleted row can be removed
 */
record PollingDrain(int events, boolean oldSnapshot) {

    static final String CONFIGURATION = "source.type = polling";

    List<Figure> measure(Relay relay, Outbox outbox) throws Exception {
        outbox.commitBacklog(events);
        try (Connection other = outbox.connect()) {
            if (oldSnapshot) {
                takeSnapshot(other);
            }
            return new Backlog(events, oldSnapshot ? "polling beside an old snapshot, " : "polling, ")
                    .drain(relay, outbox, CONFIGURATION, true);
        }
    }

    private static void takeSnapshot(Connection connection) throws SQLException {
        connection.setAutoCommit(false);
        try (Statement statement = connection.createStatement()) {
            statement.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ");
            try (ResultSet row = statement.executeQuery("SELECT count(*) FROM outbox")) {
                row.next();
            }
        }
    }
}
