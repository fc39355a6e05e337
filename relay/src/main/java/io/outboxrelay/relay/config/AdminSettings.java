package io.outboxrelay.relay.config;

import java.time.Duration;
import java.util.Optional;

import io.outboxrelay.api.config.Settings;

/**
 * The section {@code admin}: where the relay is asked over HTTP, and who may ask.
 *
 * @param enabled whether anything is answered at all
 * @param host the address to listen at
 * @param port the TCP port; 0 takes any that is free
 * @param requestTimeout how long a client may take for its request, and for the answer; whole seconds
 * @param access who may do what
 * @param tls the certificate; empty for plain HTTP
 */
public record AdminSettings(
        boolean enabled, String host, int port, Duration requestTimeout, AdminAccess access, Optional<AdminTls> tls) {

    /** @throws IllegalArgumentException if this is no address */
    public AdminSettings {
        Checks.notBlank("host", host);
        Checks.atLeast("port", port, 0);
    }

    static AdminSettings read(Settings section) {
        return new AdminSettings(
                section.flag("enabled"),
                section.text("host"),
                section.integer("port", 0, 65_535),
                section.duration("request-timeout", Duration.ofSeconds(1), Duration.ofMinutes(10)),
                AdminAccess.read(section),
                AdminTls.read(section.section("tls")));
    }
}
