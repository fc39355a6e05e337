package io.outboxrelay.testkit;

import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import javax.sql.DataSource;

import io.outboxrelay.api.DatabaseAddress;
import org.awaitility.Awaitility;
import org.postgresql.ds.PGSimpleDataSource;

/** A database for one test, seen as superuser. Dropped at close, with its slots. */
public final class TestDatabase implements AutoCloseable {

    private static final Duration DROP_LIMIT = Duration.ofSeconds(30);

    private final DatabaseAddress server;
    private final DatabaseAddress address;

    TestDatabase(DatabaseAddress server, String name) {
        this.server = server;
        this.address = new DatabaseAddress(
                server.host(), server.port(), name, server.user(), server.password(), server.properties());
    }

    /** Where it is, as superuser. */
    public DatabaseAddress address() {
        return address;
    }

    /** The same, reached by another port of this machine. */
    public TestDatabase behind(int port) {
        return new TestDatabase(
                new DatabaseAddress(
                        "localhost", port, server.name(), server.user(), server.password(), server.properties()),
                address.name());
    }

    /** Where it is, as another role. */
    public DatabaseAddress address(String user, String password) {
        return new DatabaseAddress(
                address.host(), address.port(), address.name(), user, password, address.properties());
    }

    /** A new connection as superuser, in autocommit mode; the caller closes it. */
    public Connection connect() throws SQLException {
        return connect(address);
    }

    /** A new connection as superuser to the server's own database {@code postgres}; the caller closes it. */
    public Connection connectElsewhere() throws SQLException {
        return connect(server);
    }

    /** Connections as superuser, each new: there is no pool. */
    public DataSource dataSource() {
        return dataSource(address);
    }

    /** Connections as another role, each new. */
    public DataSource dataSource(String user, String password) {
        return dataSource(address(user, password));
    }

    /** Runs SQL as superuser, several statements if need be, in one transaction. */
    public void execute(String sql) throws SQLException {
        try (Connection connection = connect();
                Statement statement = connection.createStatement()) {
            statement.execute(sql);
        }
    }

    /**
     * Ends all sessions and drops the database, and with it its slots. A test that closes its server needs not close
     * this.
     */
    @Override
    public void close() throws SQLException {
        try (Connection connection = connect(server);
                Statement statement = connection.createStatement()) {
            String name = "'" + address.name() + "'";
            statement.execute("ALTER DATABASE " + address.name() + " ALLOW_CONNECTIONS false");
            Awaitility.await("sessions of the dropped database, which may be in the middle of a statement, to end")
                    .atMost(DROP_LIMIT)
                    .pollInterval(Duration.ofMillis(20))
                    .until(() -> {
                        try (ResultSet rows =
                                statement.executeQuery("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                                        + " WHERE datname = " + name)) {
                            rows.next();
                            return rows.getInt(1) == 0;
                        }
                    });
            statement.execute("DROP DATABASE " + address.name());
        }
    }

    static Connection connect(DatabaseAddress address) throws SQLException {
        return dataSource(address).getConnection();
    }

    static DataSource dataSource(DatabaseAddress address) {
        PGSimpleDataSource source = new PGSimpleDataSource();
        source.setServerNames(new String[] {address.host()});
        source.setPortNumbers(new int[] {address.port()});
        source.setDatabaseName(address.name());
        source.setUser(address.user());
        source.setPassword(address.password());
        source.setConnectTimeout(5);
        return source;
    }
}
