package io.outboxrelay.relay.config;

/**
 * The section {@code health}: where probes are answered.
 *
 * @param enabled whether they are answered at all
 * @param host the address to listen at
 * @param port the TCP port; 0 takes any that is free
 */
public record HealthSettings(boolean enabled, String host, int port) {

    /** @throws IllegalArgumentException if this is no address */
    public HealthSettings {
        Checks.notBlank("host", host);
        Checks.atLeast("port", port, 0);
    }
}
