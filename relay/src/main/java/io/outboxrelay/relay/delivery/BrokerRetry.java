package io.outboxrelay.relay.delivery;

import java.util.function.LongSupplier;

import io.github.resilience4j.core.IntervalFunction;

/**
 * How a broker that failed is tried again, for ever.
 *
 * @param pause milliseconds before the n-th new broker in a row
 * @param probeAfter after so many brokers in a row that stored nothing, a new one gets a single message to begin with
 * @param nanoTime a clock like {@link System#nanoTime}
 */
public record BrokerRetry(IntervalFunction pause, int probeAfter, LongSupplier nanoTime) {

    /** @throws IllegalArgumentException if the number is below 1 */
    public BrokerRetry {
        if (probeAfter < 1) {
            throw new IllegalArgumentException("probe-after must be at least 1");
        }
    }
}
