package io.outboxrelay.testkit;

import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Locale;
import java.util.Map;
import java.util.UUID;

import io.outboxrelay.api.DatabaseAddress;

/**
 * A Postgres of one's own, reached over TCP at an address that never changes: also after {@link #stop()} and
 * {@link #kill()}, {@link #restart()} brings it back at the same port with the same data.
 *
 * <p>The superuser is {@code postgres}. Nobody connects without a password. By default
 * {@code wal_level=logical}, {@code synchronous_commit=on} and {@code fsync=off}: a killed server loses nothing, a
 * crashed machine may.
 *
 * <p>Which version runs: the system property {@code postgres.version}. Servers end with the JVM. Not for use by several
 * threads at once, but for {@link #createDatabase()}.
 */
public interface PostgresServer extends AutoCloseable {

    /** The server that all tests of this JVM share: never stopped, killed, closed, and no setting of it changed. */
    static PostgresServer shared() {
        return SharedPostgres.SERVER;
    }

    /** Starts a server for the caller alone, who closes it. */
    static PostgresServer start() {
        return start(Map.of());
    }

    /**
     * Starts a server for the caller alone, who closes it.
     *
     * @param settings server settings, such as {@code wal_level}, over the defaults
     */
    static PostgresServer start(Map<String, String> settings) {
        return switch (ServerKind.chosen()) {
            case EMBEDDED -> new EmbeddedPostgresServer(settings);
            case DOCKER -> new DockerPostgresServer(settings);
        };
    }

    /** Where the server is, as superuser, in the database {@code postgres}. */
    DatabaseAddress address();

    /** Fast shutdown: open transactions are rolled back, a checkpoint is written. Blocks until the server is gone. */
    void stop();

    /** Starts the stopped or killed server, same port and data; a running one is stopped first. Blocks until it answers. */
    void restart();

    /** {@code kill -9} of the server and all its processes. Blocks until they are gone. */
    void kill();

    /**
     * Sends a signal to one of the server's processes.
     *
     * @param name such as {@code STOP}, which makes a process hang, and {@code CONT}
     * @param pid as the server's own views tell it
     */
    void signal(String name, int pid);

    /**
     * Starts a hot standby of this server, with its data and settings, for the caller alone, who closes it. It streams
     * through a physical slot {@code standby_<port>} of this server, with feedback. On 17 and newer it copies failover
     * slots, and this server's failover slots wait for it: also when it is closed, so close this server soon after.
     *
     * @throws UnsupportedOperationException if the server is one from an image, whose data is out of reach
     */
    PostgresServer startStandby();

    /** Makes a standby a server of its own, on a new timeline. Blocks until it takes writes. */
    default void promote() throws SQLException {
        try (Connection connection = TestDatabase.connect(address());
                Statement statement = connection.createStatement();
                ResultSet row = statement.executeQuery("SELECT pg_promote(true, 60)")) {
            if (!row.next() || !row.getBoolean(1)) {
                throw new IllegalStateException("the standby was not promoted within a minute");
            }
        }
    }

    /** The same database on this server, as a standby has those of its primary. */
    default TestDatabase databaseOf(TestDatabase primary) {
        return new TestDatabase(address(), primary.address().name());
    }

    /** Ends the server and removes its data. */
    @Override
    void close();

    /** The major version, such as 18. */
    default int version() {
        return PostgresVersion.major();
    }

    /** A new, empty database in UTF-8. */
    default TestDatabase createDatabase() throws SQLException {
        return createDatabase("UTF8");
    }

    /**
     * A new, empty database.
     *
     * @param encoding as Postgres names it, such as {@code LATIN1}; the locale is C, which suits them all
     */
    default TestDatabase createDatabase(String encoding) throws SQLException {
        String name = "test_" + UUID.randomUUID().toString().replace("-", "").toLowerCase(Locale.ROOT);
        try (Connection connection = TestDatabase.connect(address());
                Statement statement = connection.createStatement()) {
            statement.execute("CREATE DATABASE " + name + " TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C' ENCODING '"
                    + encoding + "'");
        }
        return new TestDatabase(address(), name);
    }

    /**
     * Ends other sessions, as a failing network or an operator does.
     *
     * @param condition which, as a condition on {@code pg_stat_activity}, such as {@code backend_type = 'walsender'}
     * @return how many were told to end; they may need a moment
     */
    default int terminateBackends(String condition) throws SQLException {
        try (Connection connection = TestDatabase.connect(address());
                Statement statement = connection.createStatement();
                ResultSet rows = statement.executeQuery("SELECT count(*) FILTER (WHERE pg_terminate_backend(pid))"
                        + " FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND (" + condition + ")")) {
            rows.next();
            return rows.getInt(1);
        }
    }
}
