package io.outboxrelay.benchmark;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** The subjects by their names. */
final class Subjects {

    private static final String RELAY = "relay-";
    private static final String DEBEZIUM_SERVER = "debezium-server";
    private static final String TUNED = DEBEZIUM_SERVER + "-tuned";
    private static final String RECVLOGICAL = "pg_recvlogical";

    private final Settings settings;
    private final Path directory;

    Subjects(Settings settings) {
        this.settings = settings;
        this.directory = settings.directory();
    }

    /** Those that were chosen and can be measured here; says on standard output why others are left out. */
    List<Subject> chosen() {
        List<Subject> chosen = new ArrayList<>();
        for (String name : settings.subjects()) {
            Subject subject = named(name);
            subject.missing()
                    .ifPresentOrElse(
                            why -> System.out.println(name + " is left out: " + why), () -> chosen.add(subject));
        }
        if (chosen.isEmpty()) {
            throw new IllegalArgumentException("benchmark.subjects = " + String.join(",", settings.subjects())
                    + ": none of them can be measured here");
        }
        return chosen;
    }

    /** Behind the name settings may follow, each after a plus: {@code relay-debezium+broker.kafka.linger=5ms}. */
    private Subject named(String name) {
        List<String> parts = List.of(name.split("\\+", -1));
        Subject plain = plain(name, parts.get(0));
        return parts.size() == 1 ? plain : plain.with(String.join("\n", parts.subList(1, parts.size())));
    }

    private Subject plain(String name, String base) {
        if (base.startsWith(RELAY)) {
            return new RelaySubject(
                    name,
                    base.substring(RELAY.length()),
                    settings.relay(),
                    directory,
                    ("-Xmx128m " + settings.javaOpts()).strip(),
                    "",
                    true);
        }
        return switch (base) {
            case DEBEZIUM_SERVER -> debeziumServer(name, "", "");
            case TUNED -> debeziumServer(name, DebeziumServerSubject.TUNED_JAVA_OPTS, DebeziumServerSubject.TUNED);
            case RECVLOGICAL -> new RecvlogicalSubject(name, settings.recvlogical(), directory);
            default ->
                throw new IllegalArgumentException("benchmark.subjects: " + base + " is none of " + RELAY + "SOURCE, "
                        + DEBEZIUM_SERVER + ", " + TUNED + ", " + RECVLOGICAL);
        };
    }

    private Subject debeziumServer(String name, String javaOpts, String properties) {
        return new DebeziumServerSubject(
                name,
                settings.debeziumServer(),
                JavaHome.atLeast(DebeziumServerSubject.JAVA_VERSION, settings.java21()),
                directory,
                javaOpts,
                properties);
    }
}
