package io.outboxrelay.relay.ops;

import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.util.Properties;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
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

    private static final int CONNECTIONS = 3;
    private static final long PATIENCE_MILLIS = 5_000;
    private static final long IDLE_MILLIS = 60_000;
    private static final long VALIDATION_MILLIS = 2_000;

    private final DatabaseAddress address;
    private final OutboxTable table;
    private final HikariDataSource pool;

    private OutboxPool(DatabaseAddress address, OutboxTable table, HikariDataSource pool) {
        this.address = address;
        this.table = table;
        this.pool = pool;
    }

    /** Makes a pool. The database need not be up. */
    public static OutboxPool open(DatabaseAddress address, OutboxTable table) {
        HikariConfig config = new HikariConfig();
        config.setPoolName(APPLICATION);
        config.setJdbcUrl(url(address));
        config.setDataSourceProperties(properties(address));
        config.setMaximumPoolSize(CONNECTIONS);
        config.setMinimumIdle(0);
        config.setIdleTimeout(IDLE_MILLIS);
        config.setConnectionTimeout(PATIENCE_MILLIS);
        config.setValidationTimeout(VALIDATION_MILLIS);
        config.setInitializationFailTimeout(-1);
        return new OutboxPool(address, table, new HikariDataSource(config));
    }

    /** What is handed to source and preflight. */
    public OutboxDatabase database() {
        return new OutboxDatabase(address, table, pool);
    }

    /**
     * Connects once, past the pool, which would try again for {@value #PATIENCE_MILLIS} ms before it tells.
     *
     * @throws SQLException if that failed, as the driver says it
     */
    public void probe() throws SQLException {
        try (Connection connection = DriverManager.getConnection(url(address), properties(address))) {
            connection.isReadOnly();
        }
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
        properties.setProperty("connectTimeout", "5");
        properties.setProperty("loginTimeout", "10");
        // A network that is lost in the middle of a statement would be noticed by nobody for a quarter of an hour.
        properties.setProperty("socketTimeout", "30");
        properties.putAll(address.properties());
        properties.setProperty("logServerErrorDetail", "false");
        properties.setProperty("user", address.user());
        if (!address.password().isEmpty()) {
            properties.setProperty("password", address.password());
        }
        return properties;
    }
}
