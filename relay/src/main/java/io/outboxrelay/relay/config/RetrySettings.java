package io.outboxrelay.relay.config;

import java.time.Duration;

import io.outboxrelay.api.config.Settings;

/**
 * The section {@code delivery.retry}: how a broker that failed is tried again.
 *
 * @param initial the first wait before another one is opened
 * @param max the longest such wait
 * @param probeAfter after so many in a row that answered nothing, the next gets a single message to begin with
 * @param replaceAfter how long one may answer nothing before another takes its place
 */
public record RetrySettings(Duration initial, Duration max, int probeAfter, Duration replaceAfter) {

    /** @throws IllegalArgumentException if the settings contradict each other */
    public RetrySettings {
        Checks.ordered("retry.initial", initial, "retry.max", max);
        Checks.atLeast("retry.probe-after", probeAfter, 1);
    }

    static RetrySettings read(Settings section) {
        RestartSettings pauses = RestartSettings.read(section);
        return new RetrySettings(
                pauses.initial(),
                pauses.max(),
                section.integer("probe-after", 1, 1_000),
                section.duration("replace-after", Duration.ofSeconds(10), Duration.ofHours(24)));
    }
}
