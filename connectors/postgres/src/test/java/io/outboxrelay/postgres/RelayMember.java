package io.outboxrelay.postgres;

import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;

import io.outboxrelay.api.DatabaseAddress;
import io.outboxrelay.api.OutboxDatabase;
import io.outboxrelay.testkit.PostgresServer;
import io.outboxrelay.testkit.TestDatabase;

/** Two roles of a test: one owns the outbox, the other is the relay's, a member of it. */
final class RelayMember implements AutoCloseable {

    private final PartitionedFixture outbox;
    private final String owner;
    private final String role;

    RelayMember(PartitionedFixture outbox) throws SQLException {
        this.outbox = outbox;
        // Roles belong to the whole server, which other tests share.
        this.owner = "owner_" + outbox.database().address().name();
        this.role = "relay_" + outbox.database().address().name();
        outbox.database()
                .execute("CREATE ROLE " + owner + "; CREATE ROLE " + role + " LOGIN PASSWORD 'relay' IN ROLE " + owner
                        + "; GRANT CREATE ON SCHEMA public TO " + owner
                        + "; GRANT SELECT, INSERT, UPDATE, DELETE ON outbox_relay_partition TO " + role);
        for (String partition : outbox.attached()) {
            outbox.database().execute("ALTER TABLE " + partition + " OWNER TO " + owner);
        }
        outbox.database().execute("ALTER TABLE outbox OWNER TO " + owner);
    }

    String owner() {
        return owner;
    }

    String role() {
        return role;
    }

    /** As this role, which connects with its own password. */
    Partitions partitions() {
        DatabaseAddress address = outbox.database().address(role, "relay");
        OutboxDatabase database = outbox.outbox();
        return Partitions.ofLogReader(
                new OutboxDatabase(address, database.table(), database.afterDelivery(), database.dataSource()),
                outbox::settled);
    }

    /** A superuser's session with the rights of the relay's role. */
    Connection connect() throws SQLException {
        Connection connection = outbox.database().connect();
        try (Statement statement = connection.createStatement()) {
            statement.execute("SET SESSION AUTHORIZATION " + role);
        }
        return connection;
    }

    @Override
    public void close() throws SQLException {
        outbox.database()
                .execute("REASSIGN OWNED BY " + owner + " TO CURRENT_USER; DROP OWNED BY " + owner + ", " + role);
        try (TestDatabase other = PostgresServer.shared().createDatabase()) {
            other.execute("DROP ROLE " + owner + ", " + role);
        }
    }
}
