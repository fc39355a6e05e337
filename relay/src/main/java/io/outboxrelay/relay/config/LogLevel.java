package io.outboxrelay.relay.config;

import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Collectors;

/** How much is logged, from nothing to everything. */
public enum LogLevel {
    /** Nothing. */
    OFF,
    /** What keeps events from being sent until somebody acts. */
    ERROR,
    /** What somebody should know. */
    WARN,
    /** One line for each change of state. */
    INFO,
    /** What is for finding faults. */
    DEBUG,
    /** The same, and more of it. */
    TRACE;

    /** All levels, for a message. */
    public static String names() {
        return Arrays.stream(values()).map(LogLevel::toString).collect(Collectors.joining(", "));
    }

    /** As it is written in a configuration. */
    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
