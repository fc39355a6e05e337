package io.outboxrelay.testkit;

import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.Map;

import org.junit.jupiter.api.Test;
import org.postgresql.PGConnection;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assumptions.assumeThat;
import static org.awaitility.Awaitility.await;

final class PostgresServerTest {

    @Test
    void aStoppedServerComesBackAtItsAddressWithItsData() throws SQLException {
        try (PostgresServer server = PostgresServer.start()) {
            TestDatabase database = server.createDatabase();
            database.execute("CREATE TABLE t (n int); INSERT INTO t VALUES (7)");

            server.stop();
            assertThatThrownBy(database::connect).isInstanceOf(SQLException.class);

            server.restart();
            assertThat(number(database, "SELECT n FROM t")).isEqualTo(7);
        }
    }

    @Test
    void aKilledServerRecoversWhatWasCommittedAndNothingElse() throws SQLException {
        try (PostgresServer server = PostgresServer.start()) {
            TestDatabase database = server.createDatabase();
            database.execute("CREATE TABLE t (n int); INSERT INTO t VALUES (7)");
            try (Connection open = database.connect();
                    Statement statement = open.createStatement()) {
                open.setAutoCommit(false);
                statement.execute("INSERT INTO t VALUES (8)");

                server.kill();
                assertThatThrownBy(database::connect).isInstanceOf(SQLException.class);
                assertThatThrownBy(open::commit).isInstanceOf(SQLException.class);
            } catch (SQLException connectionIsGone) {
                assertThat(connectionIsGone.getSQLState()).startsWith("08");
            }

            server.restart();
            assertThat(number(database, "SELECT sum(n) FROM t")).isEqualTo(7);
        }
    }

    @Test
    void aKilledServerHadNoTimeToShutDown() throws SQLException {
        try (PostgresServer server = PostgresServer.start()) {
            TestDatabase database = server.createDatabase();
            database.execute("CREATE UNLOGGED TABLE t (n int); INSERT INTO t VALUES (7)");

            server.kill();
            server.restart();

            assertThat(number(database, "SELECT count(*) FROM t"))
                    .as("rows of an unlogged table, which survive every shutdown and no crash")
                    .isZero();
        }
    }

    @Test
    void aStandbyHasWhatItsPrimaryHasAndOncePromotedTakesWritesOnANewTimeline() throws SQLException {
        assumeThat(System.getProperty("test.servers", "embedded")).isEqualTo("embedded");
        try (PostgresServer primary = PostgresServer.start()) {
            TestDatabase database = primary.createDatabase();
            database.execute("CREATE TABLE t (n int); INSERT INTO t VALUES (7)");
            try (PostgresServer standby = primary.startStandby()) {
                TestDatabase copy = standby.databaseOf(database);
                assertThat(number(copy, "SELECT sum(n) FROM t")).isEqualTo(7);
                database.execute("INSERT INTO t VALUES (8)");
                await("the row to reach the standby")
                        .atMost(Duration.ofSeconds(60))
                        .until(() -> number(copy, "SELECT sum(n) FROM t") == 15);
                assertThatThrownBy(() -> copy.execute("INSERT INTO t VALUES (9)"))
                        .hasMessageContaining("read-only");

                primary.kill();
                standby.promote();

                copy.execute("INSERT INTO t VALUES (9)");
                assertThat(number(copy, "SELECT sum(n) FROM t")).isEqualTo(24);
                assertThat(text(copy, "SELECT substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)"))
                        .isEqualTo("00000002");
            }
        }
    }

    @Test
    void aFailoverSlotIsCopiedToTheStandby() throws SQLException {
        assumeThat(System.getProperty("test.servers", "embedded")).isEqualTo("embedded");
        try (PostgresServer primary = PostgresServer.start()) {
            assumeThat(primary.version()).isGreaterThanOrEqualTo(17);
            TestDatabase database = primary.createDatabase();
            try (PostgresServer standby = primary.startStandby()) {
                database.execute("SELECT pg_create_logical_replication_slot('copied', 'pgoutput', false, false, true)");
                TestDatabase copy = standby.databaseOf(database);
                // Until somebody reads from it, the slot may stand before all that the standby has.
                await("the slot to be copied").atMost(Duration.ofSeconds(60)).untilAsserted(() -> {
                    database.execute("SELECT pg_log_standby_snapshot();"
                            + " SELECT pg_replication_slot_advance('copied', pg_current_wal_lsn())");
                    assertThat(number(
                                    copy,
                                    "SELECT count(*) FROM pg_replication_slots WHERE slot_name = 'copied' AND synced AND NOT"
                                            + " temporary"))
                            .isEqualTo(1);
                });
            }
        }
    }

    @Test
    void aServerTakesSettings() throws SQLException {
        try (PostgresServer server = PostgresServer.start(Map.of("wal_level", "replica"));
                TestDatabase database = server.createDatabase()) {
            assertThat(text(database, "SHOW wal_level")).isEqualTo("replica");
        }
    }

    @Test
    void theSharedServerHasTheVersionThatTheBuildAskedFor() throws SQLException {
        try (TestDatabase database = PostgresServer.shared().createDatabase()) {
            int version = PostgresServer.shared().version();
            assertThat(number(database, "SHOW server_version_num") / 10_000).isEqualTo(version);
            assertThat(text(database, "SHOW wal_level")).isEqualTo("logical");
            assertThat(text(database, "SHOW synchronous_commit")).isEqualTo("on");
        }
    }

    @Test
    void aDatabaseCanHaveAnotherEncoding() throws SQLException {
        try (TestDatabase database = PostgresServer.shared().createDatabase("LATIN1")) {
            assertThat(text(database, "SHOW server_encoding")).isEqualTo("LATIN1");
        }
    }

    @Test
    void aDatabaseIsDroppedWithItsSlotsAndOpenSessions() throws SQLException {
        PostgresServer server = PostgresServer.shared();
        TestDatabase database = server.createDatabase();
        database.execute("SELECT pg_create_logical_replication_slot('slot_"
                + database.address().name() + "', 'pgoutput')");
        try (Connection open = database.connect()) {
            database.close();
            assertThat(open.isValid(5)).isFalse();
        }
        try (TestDatabase other = server.createDatabase()) {
            assertThat(number(
                            other,
                            "SELECT count(*) FROM pg_replication_slots WHERE slot_name = 'slot_"
                                    + database.address().name() + "'"))
                    .isZero();
        }
    }

    @Test
    void rolesNeedTheirPassword() throws SQLException {
        try (TestDatabase database = PostgresServer.shared().createDatabase()) {
            String role = "role_" + database.address().name();
            database.execute("CREATE ROLE " + role + " LOGIN PASSWORD 'right'");
            TestDatabase.connect(database.address(role, "right")).close();
            assertThatThrownBy(() -> TestDatabase.connect(database.address(role, "wrong")))
                    .hasMessageContaining("password authentication failed");
            assertThatThrownBy(() -> TestDatabase.connect(database.address("postgres", "wrong")))
                    .hasMessageContaining("password authentication failed");
            database.execute("DROP ROLE " + role);
        }
    }

    @Test
    void backendsEndWhenTold() throws SQLException {
        try (TestDatabase database = PostgresServer.shared().createDatabase();
                Connection open = database.connect()) {
            int ended = PostgresServer.shared()
                    .terminateBackends("datname = '" + database.address().name() + "'");
            assertThat(ended).isEqualTo(1);
            assertThat(open.isValid(5)).isFalse();
        }
    }

    @Test
    void aBackendHangsUntilItIsToldToGoOn() throws SQLException {
        PostgresServer server = PostgresServer.shared();
        try (TestDatabase database = server.createDatabase();
                Connection connection = database.connect()) {
            int pid = connection.unwrap(PGConnection.class).getBackendPID();
            server.signal("STOP", pid);
            assertThat(connection.isValid(1)).isFalse();

            // Else the session would not end, and the database could not be dropped.
            server.signal("CONT", pid);
        }
    }

    private static int number(TestDatabase database, String sql) throws SQLException {
        return Integer.parseInt(text(database, sql));
    }

    private static String text(TestDatabase database, String sql) throws SQLException {
        try (Connection connection = database.connect();
                Statement statement = connection.createStatement();
                ResultSet rows = statement.executeQuery(sql)) {
            rows.next();
            return rows.getString(1);
        }
    }
}
