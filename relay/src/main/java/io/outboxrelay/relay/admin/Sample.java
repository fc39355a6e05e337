package io.outboxrelay.relay.admin;

import java.time.Instant;

import io.outboxrelay.relay.ops.Health;

/**
 * How the relay was at one moment. What is not known is {@code NaN}.
 *
 * @param at the moment
 * @param state what the relay was at
 * @param settledPerSecond events that were stored by the broker or put aside, since the sample before
 * @param bytesPerSecond bytes of their payloads
 * @param lagSeconds the age of the oldest unsent row
 * @param lagBytes log that is not confirmed
 * @param p50Seconds half of the events took no longer from commit to broker, since the sample before
 * @param p99Seconds 99 of 100 took no longer
 */
record Sample(
        Instant at,
        Health.State state,
        double settledPerSecond,
        double bytesPerSecond,
        double lagSeconds,
        double lagBytes,
        double p50Seconds,
        double p99Seconds) {}
