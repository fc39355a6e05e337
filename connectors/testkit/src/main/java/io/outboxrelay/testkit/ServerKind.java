package io.outboxrelay.testkit;

import java.util.Locale;

/** Where the servers of the tests come from: the system property {@code test.servers}. */
enum ServerKind {
    /** Maven artefacts; the default. */
    EMBEDDED,
    /** Images, through Testcontainers. */
    DOCKER;

    static ServerKind chosen() {
        String name = System.getProperty("test.servers", "embedded");
        return switch (name.toLowerCase(Locale.ROOT)) {
            case "embedded" -> EMBEDDED;
            case "docker" -> DOCKER;
            default ->
                throw new IllegalArgumentException(
                        "-Dtest.servers=" + name + " is not known; use embedded (the default) or docker");
        };
    }
}
