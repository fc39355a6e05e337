package io.outboxrelay.benchmark;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Properties;
import java.util.stream.Stream;

/**
 * What is to be measured, from system properties whose names begin with {@code benchmark.}
 *
 * @param relay the relay's distribution
 * @param directory for files
 * @param events rows of a backlog
 * @param seconds how long a steady rate is measured
 * @param rounds how often
 * @param only names of workloads, or {@code all}
 * @param subjects names of subjects, in the order in which they are measured
 * @param javaOpts further options for the relay's JVM
 * @param debeziumServer the unpacked distribution of Debezium Server
 * @param java21 a Java for it; empty: look for one
 * @param recvlogical the program {@code pg_recvlogical}
 */
record Settings(
        Path relay,
        Path directory,
        int events,
        int seconds,
        int rounds,
        List<String> only,
        List<String> subjects,
        String javaOpts,
        Path debeziumServer,
        String java21,
        Path recvlogical) {

    private static final String RECVLOGICAL = "pg_recvlogical";

    static Settings of(Properties properties) {
        return new Settings(
                path(properties, "relay"),
                path(properties, "directory"),
                positive(properties, "events"),
                positive(properties, "seconds"),
                positive(properties, "rounds"),
                list(properties, "only"),
                list(properties, "subjects"),
                text(properties, "java-opts"),
                path(properties, "debezium-server"),
                text(properties, "java21"),
                Optional.of(text(properties, RECVLOGICAL))
                        .filter(named -> !named.isEmpty())
                        .map(Path::of)
                        .orElseGet(Settings::recvlogicalInPath));
    }

    /** If it is not there, a path where nothing is. */
    private static Path recvlogicalInPath() {
        return Stream.of(Optional.ofNullable(System.getenv("PATH")).orElse("").split(":", -1))
                .map(directory -> Path.of(directory, RECVLOGICAL))
                .filter(Files::isExecutable)
                .findFirst()
                .orElse(Path.of(RECVLOGICAL));
    }

    private static String text(Properties properties, String name) {
        return properties.getProperty("benchmark." + name, "").strip();
    }

    private static Path path(Properties properties, String name) {
        return Path.of(text(properties, name)).toAbsolutePath().normalize();
    }

    private static List<String> list(Properties properties, String name) {
        return Stream.of(text(properties, name).split(",", -1))
                .map(String::strip)
                .toList();
    }

    private static int positive(Properties properties, String name) {
        String text = text(properties, name);
        if (!text.matches("[1-9]\\d{0,8}")) {
            throw new IllegalArgumentException("benchmark." + name + " = " + text + ": must be a whole number above 0");
        }
        return Integer.parseInt(text);
    }
}
