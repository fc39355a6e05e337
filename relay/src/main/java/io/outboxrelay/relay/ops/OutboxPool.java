package io.outboxrelay.relay.ops;

import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.util.Properties;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import io.outboxrelay.api.AfterDelivery;
import io.outboxrelay.api.DatabaseAddress;
import io.outboxrelay.api.OutboxDatabase;
import io.outboxrelay.schema.OutboxTable;

/**
 * The few connections that the relay holds for plain SQL. Opens none by itself before one is asked for, and waits a
 * bounded time for each. Safe for use by any thread.
 */
public final class OutboxPool implements AutoCloseable {

    /** What shows in {@code pg_stat_activity}. */
    private static final String APPLICATION = "outbox-relay";

    /** The lanes of a poller, its cleanup, and the looks at slot, health and requests; few of them at one moment. */
    private static final int CONNECTIONS = 12;

    private static final long IDLE_MILLIS = 60_000;
    private static final long VALIDATION_MILLIS = 2_000;

    private final DatabaseAddress address;
    private final HikariDataSource pool;
    private final OutboxDatabase database;

    private OutboxPool(DatabaseAddress address, HikariDataSource pool, OutboxDatabase database) {
        this.address = address;
        this.pool = pool;
        this.database = database;
    }

    /** Makes a pool. The database need not be up. */
    public static OutboxPool open(DatabaseAddress address, OutboxTable table, AfterDelivery afterDelivery) {
        HikariConfig config = new HikariConfig();
        config.setPoolName(APPLICATION);
        config.setJdbcUrl(url(address));
        config.setDataSourceProperties(properties(address));
        config.setMaximumPoolSize(CONNECTIONS);
        config.setMinimumIdle(0);
        config.setIdleTimeout(IDLE_MILLIS);
        config.setConnectionTimeout(address.timeouts().pool().toMillis());
        config.setValidationTimeout(
                Math.min(VALIDATION_MILLIS, address.timeouts().pool().toMillis()));
        config.setInitializationFailTimeout(-1);
        HikariDataSource pool = new HikariDataSource(config);
        return new OutboxPool(address, pool, new OutboxDatabase(address, table, afterDelivery, pool));
    }

    /** What is handed to source and preflight. */
    public OutboxDatabase database() {
        return database;
    }

    /**
     * Connects once, past the pool, which would try again for as long as one may wait for it, before it tells.
     *
     * @throws SQLException if that failed, as the driver says it
     */
    public void probe() throws SQLException {
        try (Connection connection = connect(address)) {
            connection.isReadOnly();
        }
    }

    /**
     * A connection outside any pool; the caller closes it.
     *
     * @throws SQLException if that failed, as the driver says it
     */
    public static Connection connect(DatabaseAddress address) throws SQLException {
        return DriverManager.getConnection(url(address), properties(address));
    }

    /** Closes the connections; those that are lent are cut off. */
    @Override
    public void close() {
        pool.close();
    }

    private static String url(DatabaseAddress address) {
        String host = address.host().contains(":") ? "[" + address.host() + "]" : address.host();
        return "jdbc:postgresql://" + host + ":" + address.port() + "/"
                + URLEncoder.encode(address.name(), StandardCharsets.UTF_8).replace("+", "%20");
    }

    private static Properties properties(DatabaseAddress address) {
        Properties properties = new Properties();
        properties.setProperty("ApplicationName", APPLICATION);
        properties.setProperty("tcpKeepAlive", "true");
        // A network that is lost in the middle of a statement would be noticed by nobody for a quarter of an hour.
        properties.putAll(address.timeouts().ofDriver());
        properties.putAll(address.properties());
        properties.setProperty("logServerErrorDetail", "false");
        properties.setProperty("user", address.user());
        if (!address.password().isEmpty()) {
            properties.setProperty("password", address.password());
        }
        return properties;
    }
}
