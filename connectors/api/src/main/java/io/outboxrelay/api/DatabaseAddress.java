package io.outboxrelay.api;

import java.util.Map;

/**
 * Where the service's database is, and who the relay is there.
 *
 * @param host host name or address
 * @param port TCP port
 * @param name the database
 * @param user the relay's role
 * @param password its password; empty for none
 * @param properties further properties of the Postgres driver, such as {@code sslmode}
 * @param timeouts how long it may take to answer
 */
public record DatabaseAddress(
        String host,
        int port,
        String name,
        String user,
        String password,
        Map<String, String> properties,
        DatabaseTimeouts timeouts) {

    /** Copies the properties. */
    public DatabaseAddress {
        properties = Map.copyOf(properties);
    }

    /** With the time-outs that stand unless others are asked for. */
    public DatabaseAddress(
            String host, int port, String name, String user, String password, Map<String, String> properties) {
        this(host, port, name, user, password, properties, DatabaseTimeouts.DEFAULT);
    }

    /** Without the password. */
    @Override
    public String toString() {
        return user + "@" + host + ":" + port + "/" + name;
    }
}
