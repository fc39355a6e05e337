package io.outboxrelay.relay;

import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;

import io.outboxrelay.api.OutboxDatabase;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What has to be known of the database when the reading source changes. */
final class OutboxQueries {

    private static final Logger log = LoggerFactory.getLogger(OutboxQueries.class);

    private OutboxQueries() {}

    /** Whether the database answers plain SQL. */
    static boolean answers(OutboxDatabase database) {
        try (Connection connection = database.dataSource().getConnection();
                Statement statement = connection.createStatement()) {
            return statement.execute("SELECT 1");
        } catch (SQLException e) {
            log.debug("The database does not answer", e);
            return false;
        }
    }

    /** Whether the outbox holds more unsent rows than so many. */
    static boolean holdsMoreThan(int rows, OutboxDatabase database) throws SQLException {
        String unsent = database.afterDelivery().unsent();
        try (Connection connection = database.dataSource().getConnection();
                Statement statement = connection.createStatement();
                ResultSet row = statement.executeQuery("SELECT EXISTS (SELECT FROM "
                        + database.table().quoted() + " WHERE " + unsent + " OFFSET " + rows + ")")) {
            return row.next() && row.getBoolean(1);
        }
    }
}
