package io.outboxrelay.api;

import java.time.Duration;
import java.util.Map;
import java.util.TreeMap;

/**
 * How long the database may take before it counts as gone. None is endless.
 *
 * @param connect the TCP connection to one address
 * @param login everything until a session is ready: finding the address, connecting, and the server's own part
 * @param socket the answer to a statement
 * @param statement a statement by which the relay changes the service's database, or its turn to
 * @param pool a free connection of the pool
 * @param handOver the server's answer while a log is made ready, which waits for every older transaction to end
 */
public record DatabaseTimeouts(
        Duration connect, Duration login, Duration socket, Duration statement, Duration pool, Duration handOver) {

    /** What the relay's {@code reference.conf} says. */
    public static final DatabaseTimeouts DEFAULT = new DatabaseTimeouts(
            Duration.ofSeconds(5),
            Duration.ofSeconds(10),
            Duration.ofSeconds(30),
            Duration.ofSeconds(20),
            Duration.ofSeconds(5),
            Duration.ofHours(24));

    /** The first three, by the names of the Postgres driver; properties of the operator's go over them. */
    public Map<String, String> ofDriver() {
        Map<String, String> properties = new TreeMap<>();
        properties.put("connectTimeout", seconds(connect));
        properties.put("loginTimeout", seconds(login));
        properties.put("socketTimeout", seconds(socket));
        return properties;
    }

    /** Whole seconds, as the driver takes them; at least one, since zero would be for ever. */
    public static String seconds(Duration duration) {
        return Long.toString(Math.max(1, duration.toSeconds()));
    }
}
