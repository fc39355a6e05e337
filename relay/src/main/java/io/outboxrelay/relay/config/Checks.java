package io.outboxrelay.relay.config;

import java.time.Duration;

/** What the records of this package refuse. */
final class Checks {

    private Checks() {}

    static void notBlank(String name, String value) {
        if (value == null || value.isBlank()) {
            throw new IllegalArgumentException(name + " must not be empty");
        }
    }

    static void atLeast(String name, long value, long min) {
        if (value < min) {
            throw new IllegalArgumentException(name + " is " + value + "; allowed: " + min + " or more");
        }
    }

    static void ordered(String smallerName, Duration smaller, String largerName, Duration larger) {
        if (smaller.isNegative() || smaller.isZero()) {
            throw new IllegalArgumentException(smallerName + " must be longer than nothing");
        }
        if (smaller.compareTo(larger) > 0) {
            throw new IllegalArgumentException(smallerName + " must not be longer than " + largerName);
        }
    }
}
