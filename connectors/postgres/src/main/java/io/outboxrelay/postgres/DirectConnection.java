package io.outboxrelay.postgres;

import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.util.Properties;
import java.util.function.Consumer;
import java.util.stream.Stream;

import io.outboxrelay.api.DatabaseAddress;

/** Connections outside the pool, for what a session must keep: locks, snapshots, notifications, replication. */
public final class DirectConnection {

    private DirectConnection() {}

    /**
     * Connects. The caller closes the connection.
     *
     * @param more sets further properties of the driver, over those of the address
     */
    public static Connection open(DatabaseAddress address, Consumer<Properties> more) throws SQLException {
        Properties properties = new Properties();
        properties.setProperty("ApplicationName", "outbox-relay");
        properties.setProperty("tcpKeepAlive", "true");
        properties.putAll(address.timeouts().ofDriver());
        properties.putAll(address.properties());
        properties.setProperty("logServerErrorDetail", "false");
        properties.setProperty("user", address.user());
        properties.setProperty("password", address.password());
        more.accept(properties);
        String host = address.host().contains(":") ? "[" + address.host() + "]" : address.host();
        return DriverManager.getConnection(
                "jdbc:postgresql://" + host + ":" + address.port() + "/"
                        + URLEncoder.encode(address.name(), StandardCharsets.UTF_8)
                                .replace("+", "%20"),
                properties);
    }

    /**
     * The driver's property {@code options} for a session that streams: the server gives it up after as long as the outbox's
     * lock lasts, so that a leader that is gone does not keep the slot for longer than that.
     */
    public static String streamOptions(DatabaseAddress address) {
        String lease = "-c wal_sender_timeout=" + Lease.OF_OUTBOX.toMillis();
        return Stream.ofNullable(address.properties().get("options"))
                .reduce(lease, (ours, theirs) -> ours + " " + theirs);
    }
}
