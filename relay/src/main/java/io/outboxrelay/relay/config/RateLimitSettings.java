package io.outboxrelay.relay.config;

import io.outboxrelay.api.config.Settings;

/**
 * The section {@code delivery.rate-limit}: a token bucket.
 *
 * @param eventsPerSecond how many events are sent in a second, for long; 0 for no limit
 * @param burst how many may be sent at once after a quiet time
 */
public record RateLimitSettings(int eventsPerSecond, int burst) {

    private static final int MOST = 10_000_000;

    /** @throws IllegalArgumentException if a number is out of range */
    public RateLimitSettings {
        Checks.atLeast("rate-limit.events-per-second", eventsPerSecond, 0);
        Checks.atLeast("rate-limit.burst", burst, 1);
    }

    static RateLimitSettings read(Settings section) {
        return new RateLimitSettings(section.integer("events-per-second", 0, MOST), section.integer("burst", 1, MOST));
    }

    /** Whether there is a limit. */
    public boolean isOn() {
        return eventsPerSecond > 0;
    }
}
