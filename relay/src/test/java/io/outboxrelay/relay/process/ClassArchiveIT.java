package io.outboxrelay.relay.process;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

import io.outboxrelay.testkit.FreePorts;
import io.outboxrelay.testkit.KafkaServer;
import io.outboxrelay.testkit.PostgresServer;
import io.outboxrelay.testkit.RelayProcess;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

import static org.assertj.core.api.Assertions.assertThat;

/** The archive of classes that {@code class-archive} makes, and the list behind it. */
class ClassArchiveIT {

    private static final String LIST = "relay/src/main/resources/io/outboxrelay/relay/command/classes.lst";

    /** The rest are classes of what happens seldom, or in no test. */
    private static final double MOST_OF_THEM = 0.95;

    private static final Pattern LOADED = Pattern.compile("(\\S+) source: (shared objects file|file:|jrt:).*");

    private static final Pattern OF_JAVA_ITSELF = Pattern.compile("(java|javax|jdk|sun|com\\.sun)\\..*");

    /** Made while the program runs; a list cannot name them. */
    private static final Pattern GENERATED =
            Pattern.compile(".*(\\$Proxy\\d|\\$\\$Lambda|LambdaForm|/0x|Generated\\w+Accessor\\d).*");

    @TempDir
    private static Path directory;

    private static Path archive;

    @BeforeAll
    static void makeTheArchive() throws Exception {
        archive = directory.resolve("classes.jsa");
        try (RelayProcess made =
                RelayProcess.start(Deployment.DISTRIBUTION, "class-archive", "--to", archive.toString())) {
            assertThat(made.awaitExit(Deployment.PATIENCE))
                    .as("%s", made.output())
                    .isZero();
        }
    }

    /**
     * Writes {@code target/classes.lst}, the list that would be right. After an update of a library put it in the place of
     * the other.
     */
    @Test
    void relaysOfEverySourceTakeTheirClassesFromTheArchive() throws Exception {
        List<Path> logs = new ArrayList<>();
        for (String source : sources().toList()) {
            relayOneEventAndAskForIt(source, logs);
        }

        SortedSet<String> names = new TreeSet<>();
        List<String> archived = new ArrayList<>();
        List<String> others = new ArrayList<>();
        for (Path log : logs) {
            try (Stream<String> lines = Files.lines(log)) {
                for (Matcher loaded :
                        lines.map(LOADED::matcher).filter(Matcher::matches).toList()) {
                    String name = loaded.group(1);
                    if (!GENERATED.matcher(name).matches()) {
                        names.add(name.replace('.', '/'));
                        if (!OF_JAVA_ITSELF.matcher(name).matches()) {
                            (loaded.group(2).equals("file:") ? others : archived).add(name);
                        }
                    }
                }
            }
        }
        Files.write(Path.of("target", "classes.lst"), names);
        assertThat((double) archived.size() / (archived.size() + others.size()))
                .as(
                        "those are not in the archive, since %s does not name them; relay/target/classes.lst does: %s",
                        LIST, others)
                .isGreaterThan(MOST_OF_THEM);
    }

    /** It asks Java for the bytes of every class that is loaded, as agents do. */
    @ParameterizedTest
    @MethodSource("sources")
    void flightRecorderFromTheStartHarmsNothing(String source) throws Exception {
        try (Deployment deployment = Deployment.create(PostgresServer.shared(), KafkaServer.shared())) {
            deployment.configure("source.type = " + source);
            RelayProcess relay = deployment.startRelay(Map.of(
                    "JAVA_OPTS",
                    "-XX:SharedArchiveFile=" + archive + " -XX:StartFlightRecording=filename="
                            + directory.resolve(source + ".jfr") + " -XX:ErrorFile=" + directory.resolve("crash.log")));
            deployment.insert("4711", "hello");
            deployment.awaitEmptyTable();

            relay.terminate();
            assertThat(relay.awaitExit(Deployment.PATIENCE)).isIn(0, 143);
        }
    }

    @Test
    void anArchiveThatCannotBeWrittenIsOneLine() throws Exception {
        try (RelayProcess made = RelayProcess.start(
                Deployment.DISTRIBUTION, "class-archive", "--to", directory + "/nowhere/classes.jsa")) {
            assertThat(made.awaitExit(Deployment.PATIENCE)).isEqualTo(1);
            assertThat(made.output())
                    .singleElement()
                    .asString()
                    .startsWith(
                            "outbox-relay: OR-1012 " + directory + "/nowhere/classes.jsa cannot be made; Java says: ");
        }
    }

    private static Stream<String> sources() {
        return Stream.concat(Deployment.readersOfTheLog(), Stream.of("polling"));
    }

    private static void relayOneEventAndAskForIt(String source, List<Path> logs) throws Exception {
        try (Deployment deployment = Deployment.create(PostgresServer.shared(), KafkaServer.shared())) {
            deployment.configure("source.type = " + source + "\nadmin.port = " + FreePorts.next());
            deployment.startRelay(classLog(source, logs));
            deployment.insert("4711", "hello");
            deployment.awaitEmptyTable();
            for (String command : List.of("health", "status", "check")) {
                assertThat(deployment
                                .command(classLog(source + "-" + command, logs), command)
                                .awaitExit(Deployment.PATIENCE))
                        .isZero();
            }
        }
    }

    private static Map<String, String> classLog(String name, List<Path> logs) throws IOException {
        Path log = directory.resolve(name + ".log");
        logs.add(log);
        return Map.of("JAVA_OPTS", "-XX:SharedArchiveFile=" + archive + " -Xlog:class+load:file=" + log + ":none");
    }
}
