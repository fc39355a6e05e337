package io.outboxrelay.relay.config;

import java.time.Duration;

import io.outboxrelay.api.Code;
import io.outboxrelay.api.config.Settings;

/**
 * The section {@code restart}: how long to wait before a source that ended is opened again. Each wait is longer than the
 * one before, and jittered.
 *
 * @param initial the first wait
 * @param max the longest
 */
public record RestartSettings(Duration initial, Duration max) {

    /** @throws IllegalArgumentException if the first wait is longer than the longest */
    public RestartSettings {
        Checks.ordered("initial", initial, "max", max);
    }

    static RestartSettings read(Settings section) {
        Duration initial = section.duration("initial", Duration.ofMillis(10), Duration.ofMinutes(10));
        Duration max = section.duration("max", Duration.ofMillis(10), Duration.ofHours(1));
        if (initial.compareTo(max) > 0) {
            section.problem(Code.CONFIG_CONTRADICTION, "initial", "is longer than " + section.at("max"));
            return new RestartSettings(initial, initial);
        }
        return new RestartSettings(initial, max);
    }
}
