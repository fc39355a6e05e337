package io.outboxrelay.relay.ops;

import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Map;

import io.outboxrelay.api.AfterDelivery;
import io.outboxrelay.api.DatabaseAddress;
import io.outboxrelay.schema.OutboxTable;
import io.outboxrelay.testkit.PostgresServer;
import io.outboxrelay.testkit.TestDatabase;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

class OutboxPoolTest {

    private TestDatabase database;

    @BeforeEach
    void create() throws SQLException {
        database = PostgresServer.shared().createDatabase();
    }

    @AfterEach
    void drop() throws SQLException {
        database.close();
    }

    @Test
    void itsConnectionsAreNamedAndCommitByThemselves() throws SQLException {
        try (OutboxPool pool = OutboxPool.open(database.address(), OutboxTable.DEFAULT, AfterDelivery.DELETE);
                Connection connection = pool.database().dataSource().getConnection();
                Statement statement = connection.createStatement();
                ResultSet rows = statement.executeQuery("SHOW application_name")) {
            rows.next();
            assertThat(rows.getString(1)).isEqualTo("outbox-relay");
            assertThat(connection.getAutoCommit()).isTrue();
        }
    }

    @Test
    void aDatabaseMayHaveAnyName() throws SQLException {
        String name = "Ünïcode & 100%+?/ " + database.address().name().substring(0, 12);
        database.execute("CREATE DATABASE \"" + name + "\"");
        try (OutboxPool pool = OutboxPool.open(with(name), OutboxTable.DEFAULT, AfterDelivery.DELETE)) {
            pool.probe();
        }
        database.execute("DROP DATABASE \"" + name + "\"");
    }

    @Test
    void aWrongPasswordIsNothingToWaitFor() throws SQLException {
        String role = role();

        DatabaseFailure failure = failure(database.address(role, "wrong"));

        assertThat(failure.toString())
                .isEqualTo("the database refuses the relay: FATAL: password authentication failed for user \"" + role
                        + "\". Remedy: mend database.user or database.password");
        assertThat(failure.waitingMends()).isFalse();
        drop(role);
    }

    @Test
    void aPasswordThatIsMissingIsNothingToWaitFor() throws SQLException {
        String role = role();

        DatabaseFailure failure = failure(database.address(role, ""));

        assertThat(failure.text()).contains("no password was provided");
        assertThat(failure.remedy()).contains("database.password");
        assertThat(failure.waitingMends()).isFalse();
        drop(role);
    }

    @Test
    void aDatabaseThatDoesNotExistIsNothingToWaitFor() {
        DatabaseFailure failure = failure(with("nowhere"));

        assertThat(failure.toString())
                .isEqualTo("the database refuses the relay: FATAL: database \"nowhere\" does not exist."
                        + " Remedy: mend database.name, or create the database");
        assertThat(failure.waitingMends()).isFalse();
    }

    @Test
    void aHostThatIsUnknownIsNamedAndWaitedFor() {
        DatabaseFailure failure =
                failure(new DatabaseAddress("no-such-host.invalid", 5432, "shop", "relay", "", Map.of()));

        assertThat(failure.toString())
                .isEqualTo("the database cannot be reached: the host no-such-host.invalid is unknown."
                        + " Remedy: mend database.host, if waiting does not");
        assertThat(failure.waitingMends()).isTrue();
    }

    @Test
    void aServerThatIsDownIsWaitedFor() {
        DatabaseFailure failure = failure(new DatabaseAddress("127.0.0.1", 1, "shop", "relay", "", Map.of()));

        assertThat(failure.text()).startsWith("the database cannot be reached: Connection to 127.0.0.1:1 refused.");
        assertThat(failure.waitingMends()).isTrue();
        assertThat(failure.reached()).isFalse();
    }

    @Test
    void whatThePoolSaysIsWhatTheDriverSaid() {
        try (OutboxPool pool = OutboxPool.open(with("nowhere"), OutboxTable.DEFAULT, AfterDelivery.DELETE)) {
            SQLException e = catchThrowableOfType(
                    SQLException.class, () -> pool.database().dataSource().getConnection());

            assertThat(DatabaseFailure.of(e).text()).contains("database \"nowhere\" does not exist");
        }
    }

    @Test
    void theContentOfARowIsInNoMessage() throws SQLException {
        database.execute("CREATE TABLE t (a text CHECK (a <> 'secret'))");
        try (OutboxPool pool = OutboxPool.open(database.address(), OutboxTable.DEFAULT, AfterDelivery.DELETE);
                Connection connection = pool.database().dataSource().getConnection();
                Statement statement = connection.createStatement()) {
            SQLException e = catchThrowableOfType(
                    SQLException.class, () -> statement.execute("INSERT INTO t VALUES ('sec' || 'ret')"));

            assertThat(e.getMessage()).contains("t_a_check").doesNotContain("secret");
        }
    }

    private static DatabaseFailure failure(DatabaseAddress address) {
        try (OutboxPool pool = OutboxPool.open(address, OutboxTable.DEFAULT, AfterDelivery.DELETE)) {
            return DatabaseFailure.of(catchThrowableOfType(SQLException.class, pool::probe));
        }
    }

    private DatabaseAddress with(String name) {
        DatabaseAddress address = database.address();
        return new DatabaseAddress(
                address.host(), address.port(), name, address.user(), address.password(), address.properties());
    }

    /** Roles belong to the server, which other tests use too. */
    private String role() throws SQLException {
        String role = "role_of_" + database.address().name();
        database.execute("CREATE ROLE " + role + " LOGIN PASSWORD 'right'");
        return role;
    }

    private void drop(String role) throws SQLException {
        database.execute("DROP ROLE " + role);
    }
}
