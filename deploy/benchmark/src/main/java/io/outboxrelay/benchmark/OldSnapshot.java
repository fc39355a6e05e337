package io.outboxrelay.benchmark;

import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.List;

/** A drain while another session keeps a snapshot from before, so that no deleted row can be removed. */
record OldSnapshot(Rows rows) {

    List<Figure> measure(Subject subject, Outbox outbox) throws Exception {
        subject.prepare(outbox);
        outbox.commit(rows);
        try (Connection other = outbox.connect()) {
            takeSnapshot(other);
            return new Drain(rows).drain(subject, outbox);
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
