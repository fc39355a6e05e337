package io.outboxrelay.postgres;

import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;

import io.outboxrelay.api.Finding;
import io.outboxrelay.schema.OutboxTable;
import io.outboxrelay.schema.SchemaScript;
import io.outboxrelay.testkit.PostgresServer;
import io.outboxrelay.testkit.TestDatabase;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

/** The roles of {@code outbox-schema}: each may do what it must, and no more. */
class RolesTest {

    private TestDatabase database;

    @BeforeEach
    void createDatabase() throws SQLException {
        database = PostgresServer.shared().createDatabase();
    }

    /** Roles outlive their database. */
    @AfterEach
    void dropDatabaseAndRoles() throws SQLException {
        database.close();
        try (TestDatabase other = PostgresServer.shared().createDatabase()) {
            other.execute("DROP ROLE IF EXISTS outbox_relay, outbox_service");
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"TABLE", "PARTITIONED_TABLE"})
    void thePreflightIsContentWithTheRelaysRole(SchemaScript table) throws SQLException {
        install(table);

        try (Connection connection = relay()) {
            assertThat(new LogPreflight(OutboxTable.DEFAULT, "outbox_relay", "outbox_relay").check(connection))
                    .noneMatch(finding -> finding.level() == Finding.Level.ERROR);
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "SELECT * FROM outbox",
                "SELECT system_identifier FROM pg_control_system()",
                "SELECT timeline_id FROM pg_control_checkpoint()",
                "SELECT pg_logical_emit_message(false, 'relay.heartbeat', '')",
                "SELECT pg_create_logical_replication_slot('roles_test', 'pgoutput');"
                        + " SELECT pg_replication_slot_advance('roles_test', pg_current_wal_lsn());"
                        + " SELECT wal_status, active_pid, restart_lsn FROM pg_replication_slots;"
                        + " SELECT pg_drop_replication_slot('roles_test')",
                "INSERT INTO outbox_relay_checkpoint VALUES ('public.outbox', 's', 1, 1, '0/1', 'streaming');"
                        + " UPDATE outbox_relay_checkpoint SET settled_lsn = '0/2'; DELETE FROM outbox_relay_checkpoint",
                "INSERT INTO outbox_relay_request VALUES ('1', 'retry'); SELECT * FROM outbox_relay_request;"
                        + " DELETE FROM outbox_relay_request",
            })
    void theRelayMay(String sql) throws SQLException {
        install(SchemaScript.TABLE);

        try (Connection connection = relay()) {
            assertThatCode(() -> execute(connection, sql)).doesNotThrowAnyException();
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "INSERT INTO outbox (type) VALUES ('x')",
                "UPDATE outbox SET type = 'x'",
                "DELETE FROM outbox",
                "TRUNCATE outbox",
                "SELECT nextval('outbox_seq_seq')",
                "TRUNCATE outbox_relay_checkpoint",
                "SELECT * FROM orders",
            })
    void theRelayMayNot(String sql) throws SQLException {
        install(SchemaScript.TABLE);

        try (Connection connection = relay()) {
            assertThatThrownBy(() -> execute(connection, sql)).hasMessageContaining("permission denied");
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"TABLE", "PARTITIONED_TABLE"})
    void theServiceMayInsert(SchemaScript table) throws SQLException {
        install(table);

        try (Connection connection = service()) {
            execute(
                    connection,
                    "INSERT INTO outbox (aggregate_type, aggregate_id, type, payload)"
                            + " VALUES ('order', '7', 'OrderPlaced', '{}')");
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "SELECT * FROM outbox",
                "INSERT INTO outbox (type) VALUES ('x') RETURNING seq",
                "UPDATE outbox SET type = 'x'",
                "DELETE FROM outbox",
                "SELECT setval('outbox_seq', 1)",
                "SELECT * FROM outbox_p1",
                "SELECT * FROM outbox_relay_checkpoint",
                "INSERT INTO outbox_relay_request VALUES ('1', 'skip')",
            })
    void theServiceMayNot(String sql) throws SQLException {
        install(SchemaScript.PARTITIONED_TABLE);

        try (Connection connection = service()) {
            assertThatThrownBy(() -> execute(connection, sql)).hasMessageContaining("permission denied");
        }
    }

    @Test
    void theServiceMayReadWhatItReturnsWithTheGrantInTheComment() throws SQLException {
        install(SchemaScript.TABLE);
        String grant = SchemaScript.SERVICE_ROLE
                .sql()
                .lines()
                .filter(line -> line.contains("GRANT SELECT"))
                .findFirst()
                .orElseThrow()
                .substring(2);
        database.execute(grant);

        try (Connection connection = service()) {
            assertThatCode(() -> execute(connection, "INSERT INTO outbox (type) VALUES ('x') RETURNING seq, id"))
                    .doesNotThrowAnyException();
        }
    }

    private void install(SchemaScript table) throws SQLException {
        database.execute("CREATE TABLE orders (id bigint)");
        for (SchemaScript script :
                new SchemaScript[] {table, SchemaScript.RELAY, SchemaScript.RELAY_ROLE, SchemaScript.SERVICE_ROLE}) {
            database.execute(script.sql());
        }
    }

    private Connection relay() throws SQLException {
        return as("outbox_relay");
    }

    private Connection service() throws SQLException {
        return as("outbox_service");
    }

    /** The superuser's session, taking on the rights of another: what a role may do needs no login to show. */
    private Connection as(String role) throws SQLException {
        Connection connection = database.connect();
        execute(connection, "SET SESSION AUTHORIZATION " + role);
        return connection;
    }

    private static void execute(Connection connection, String sql) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            statement.execute(sql);
        }
    }
}
