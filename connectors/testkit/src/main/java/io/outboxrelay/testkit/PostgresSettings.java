package io.outboxrelay.testkit;

import java.util.Map;
import java.util.TreeMap;

/** The settings of a test's server: the defaults, and over them what the test asks for. */
final class PostgresSettings {

    private static final Map<String, String> DEFAULTS = Map.of(
            "wal_level", "logical",
            "max_wal_senders", "50",
            "max_replication_slots", "50",
            "max_connections", "200",
            "fsync", "off",
            "synchronous_commit", "on",
            "timezone", "UTC");

    private PostgresSettings() {}

    static Map<String, String> with(Map<String, String> settings) {
        Map<String, String> all = new TreeMap<>(DEFAULTS);
        all.putAll(settings);
        return all;
    }
}
