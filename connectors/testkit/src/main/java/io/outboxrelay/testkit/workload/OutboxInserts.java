package io.outboxrelay.testkit.workload;

import java.io.IOException;
import java.io.StringReader;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;

import io.outboxrelay.schema.Identifier;
import io.outboxrelay.schema.OutboxColumns;
import io.outboxrelay.schema.OutboxTable;
import org.postgresql.PGConnection;

/** The ways to put rows into an outbox. None commits. */
final class OutboxInserts {

    private final String target;

    OutboxInserts(OutboxTable table) {
        OutboxColumns columns = table.columns();
        this.target = table.quoted() + " "
                + Stream.of(
                                columns.id(),
                                columns.aggregateType(),
                                columns.aggregateId(),
                                columns.type(),
                                columns.payload())
                        .map(Identifier::quote)
                        .collect(Collectors.joining(", ", "(", ")"));
    }

    /** One statement, whatever the number of rows. */
    void insert(Connection connection, List<OutboxEntry> entries) throws SQLException {
        String rows = entries.stream().map(entry -> "(?, ?, ?, ?, ?)").collect(Collectors.joining(", "));
        try (PreparedStatement insert = connection.prepareStatement("INSERT INTO " + target + " VALUES " + rows)) {
            int parameter = 1;
            for (OutboxEntry entry : entries) {
                for (String value : values(entry)) {
                    insert.setString(parameter++, value);
                }
            }
            insert.execute();
        }
    }

    /**
     * COPY. Since the ids are given, no column has a volatile default that would keep Postgres from writing many rows
     * with one WAL record: they share its LSN.
     */
    void copy(Connection connection, List<OutboxEntry> entries) throws SQLException {
        String lines = entries.stream()
                .map(entry -> String.join("\t", values(entry)) + "\n")
                .collect(Collectors.joining());
        try {
            connection
                    .unwrap(PGConnection.class)
                    .getCopyAPI()
                    .copyIn("COPY " + target + " FROM STDIN", new StringReader(lines));
        } catch (IOException e) {
            throw new SQLException("the connection broke while copying", "08006", e);
        }
    }

    private static List<String> values(OutboxEntry entry) {
        return List.of(
                entry.eventId(), OutboxEntry.AGGREGATE_TYPE, entry.aggregateId(), OutboxEntry.TYPE, entry.payload());
    }
}
