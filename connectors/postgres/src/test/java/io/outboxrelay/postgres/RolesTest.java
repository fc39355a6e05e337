package io.outboxrelay.postgres;

import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.List;

import io.outboxrelay.api.AfterDelivery;
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
            other.execute("DROP ROLE IF EXISTS outbox_relay, outbox_service, shop");
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"TABLE", "PARTITIONED_TABLE"})
    void thePreflightIsContentWithTheRelaysRole(SchemaScript table) throws SQLException {
        install(table);

        try (Connection connection = relay()) {
            assertThat(new LogPreflight(OutboxTable.DEFAULT, AfterDelivery.DELETE, Preflight.SETTINGS, "outbox_relay")
                            .check(connection))
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
                "SET wal_sender_timeout = 10000",
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                        + " WHERE usename = current_user AND pid <> pg_backend_pid()",
                "SELECT pg_create_logical_replication_slot('roles_test', 'pgoutput');"
                        + " SELECT pg_replication_slot_advance('roles_test', pg_current_wal_lsn());"
                        + " SELECT wal_status, active_pid, restart_lsn FROM pg_replication_slots;"
                        + " SELECT pg_drop_replication_slot('roles_test')",
                "INSERT INTO outbox_relay_checkpoint VALUES ('public.outbox', 's', 1, 1, '0/1', 'streaming');"
                        + " UPDATE outbox_relay_checkpoint SET settled_lsn = '0/2'; DELETE FROM outbox_relay_checkpoint",
                "INSERT INTO outbox_relay_request VALUES ('1', 'retry'); SELECT * FROM outbox_relay_request;"
                        + " DELETE FROM outbox_relay_request",
                "INSERT INTO outbox_relay_partition VALUES ('public.outbox', 'public.p', 1);"
                        + " UPDATE outbox_relay_partition SET detached_lsn = '0/2'; DELETE FROM outbox_relay_partition",
                "DELETE FROM outbox WHERE seq = ANY (ARRAY[1, 2])",
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
                "UPDATE outbox SET delivered_at = now()",
                "TRUNCATE outbox",
                "SELECT nextval('outbox_seq_seq')",
                "TRUNCATE outbox_relay_checkpoint",
                "SELECT * FROM orders",
            })
    void theRelayMayNot(String sql) throws SQLException {
        install(SchemaScript.TABLE);
        database.execute(SchemaScript.MARK.sql());

        try (Connection connection = relay()) {
            assertThatThrownBy(() -> execute(connection, sql)).hasMessageContaining("permission denied");
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "SELECT * FROM outbox ORDER BY seq LIMIT 1",
                "DELETE FROM outbox WHERE seq = ANY (ARRAY[1, 2])",
                "SELECT pg_try_advisory_lock(1)",
                "SET idle_session_timeout = 1000",
                "INSERT INTO outbox_relay_request VALUES ('1', 'retry'); SELECT * FROM outbox_relay_request;"
                        + " DELETE FROM outbox_relay_request",
                "SELECT * FROM outbox_relay_partition",
                "INSERT INTO outbox_relay_checkpoint VALUES ('public.outbox', 's', 1, 1, '0/1', 'handover')"
                        + " ON CONFLICT (outbox) DO UPDATE SET phase = 'handover';"
                        + " SELECT * FROM outbox_relay_checkpoint",
            })
    void whoOnlyPollsMay(String sql) throws SQLException {
        install(SchemaScript.POLLING_ROLE, SchemaScript.PARTITIONED_TABLE);

        try (Connection connection = relay()) {
            assertThatCode(() -> execute(connection, sql)).doesNotThrowAnyException();
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "SELECT pg_create_logical_replication_slot('roles_test', 'pgoutput')",
                "DELETE FROM outbox_relay_checkpoint",
                "SELECT pg_drop_replication_slot('roles_test')",
                "INSERT INTO outbox (type) VALUES ('x')",
                "UPDATE outbox SET type = 'x'",
                "UPDATE outbox SET delivered_at = now()",
                "TRUNCATE outbox",
                "DROP TABLE outbox",
                "SELECT * FROM outbox_p1",
                "SELECT * FROM orders",
            })
    void whoOnlyPollsMayNot(String sql) throws SQLException {
        install(SchemaScript.POLLING_ROLE, SchemaScript.PARTITIONED_TABLE);
        database.execute(SchemaScript.MARK.sql());

        try (Connection connection = relay()) {
            assertThatThrownBy(() -> execute(connection, sql))
                    .hasMessageMatching(
                            "(?s).*(permission denied|must be owner|must be superuser or replication role).*");
        }
    }

    @Test
    void whoOnlyPollsNeedsNoneOfTheRelaysTables() throws SQLException {
        database.execute(SchemaScript.TABLE.sql());
        database.execute(SchemaScript.POLLING_ROLE.sql());

        try (Connection connection = relay()) {
            execute(connection, "SELECT * FROM outbox; DELETE FROM outbox WHERE seq = 1");
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"RELAY_ROLE", "POLLING_ROLE"})
    void withTheGrantsInTheCommentWhoMarksMayMarkAndNothingElse(SchemaScript role) throws SQLException {
        install(role, SchemaScript.TABLE);
        database.execute(SchemaScript.MARK.sql());
        comments(role, "ON outbox");

        try (Connection connection = relay()) {
            execute(connection, "UPDATE outbox SET delivered_at = now() WHERE seq = ANY (ARRAY[1, 2])");
            assertThatThrownBy(() -> execute(connection, "UPDATE outbox SET type = 'x', delivered_at = now()"))
                    .hasMessageContaining("permission denied");
            assertThatThrownBy(() -> execute(connection, "DELETE FROM outbox"))
                    .hasMessageContaining("permission denied");
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"RELAY_ROLE", "POLLING_ROLE"})
    void aMemberOfTheOwnerMayDetachAndDropPartitions(SchemaScript role) throws SQLException {
        install(role, SchemaScript.PARTITIONED_TABLE);
        database.execute("CREATE ROLE shop; GRANT CREATE ON SCHEMA public TO shop; ALTER TABLE outbox OWNER TO shop;"
                + " ALTER TABLE outbox_p1 OWNER TO shop");
        try (Connection connection = relay()) {
            assertThatThrownBy(() -> execute(connection, "ALTER TABLE outbox DETACH PARTITION outbox_p1 CONCURRENTLY"))
                    .hasMessageContaining("must be owner");
        }

        comments(role, "GRANT shop");

        try (Connection connection = relay()) {
            execute(connection, "ALTER TABLE outbox DETACH PARTITION outbox_p1 CONCURRENTLY");
            execute(connection, "DROP TABLE outbox_p1");
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
        install(SchemaScript.RELAY_ROLE, table);
    }

    private void install(SchemaScript role, SchemaScript table) throws SQLException {
        database.execute("CREATE TABLE orders (id bigint)");
        for (SchemaScript script : List.of(table, SchemaScript.RELAY, role, SchemaScript.SERVICE_ROLE)) {
            database.execute(script.sql());
        }
    }

    /** Runs the statements in a script's comments that hold the text. */
    private void comments(SchemaScript script, String text) throws SQLException {
        for (String line : script.sql().lines().toList()) {
            if (line.startsWith("--     ") && line.contains(text)) {
                database.execute(line.substring(2));
            }
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
