package io.outboxrelay.relay.process;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

import io.outboxrelay.testkit.FreePorts;
import io.outboxrelay.testkit.KafkaServer;
import io.outboxrelay.testkit.PostgresServer;
import io.outboxrelay.testkit.RelayProcess;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import static org.assertj.core.api.Assertions.assertThat;

/** The archive of classes that {@code class-archive} makes, and the list behind it. */
class ClassListIT {

    /** Of what relays load from jars; the rest are classes of what happens seldom, or in no test. */
    private static final double MOST_OF_THEM = 0.95;

    private static final Pattern LOADED = Pattern.compile("(\\S+) source: (.*)");

    /** Made while the program runs; a list cannot name them. */
    private static final Pattern GENERATED =
            Pattern.compile(".*(\\$Proxy\\d|\\$\\$Lambda|LambdaForm|/0x|GeneratedMethodAccessor"
                    + "|GeneratedConstructorAccessor|GeneratedSerializationConstructorAccessor).*");

    @TempDir
    private Path directory;

    /**
     * Writes {@code target/classes.lst}, the list that would be right. After an update of a library put it in the place of
     * the one in {@code src/main/resources}.
     */
    @Test
    void relaysOfEverySourceTakeTheirClassesFromTheArchive() throws Exception {
        Path archive = directory.resolve("classes.jsa");
        try (RelayProcess made =
                RelayProcess.start(Deployment.DISTRIBUTION, "class-archive", "--to", archive.toString())) {
            assertThat(made.awaitExit(Deployment.PATIENCE))
                    .as("%s", made.output())
                    .isZero();
        }

        List<Path> logs = new ArrayList<>();
        for (String source : List.of("debezium", "pgoutput", "polling")) {
            relayOneEvent(source, archive, logs);
        }

        TreeSet<String> names = new TreeSet<>();
        int archived = 0;
        List<String> others = new ArrayList<>();
        for (Path log : logs) {
            try (Stream<String> lines = Files.lines(log)) {
                for (Matcher loaded :
                        lines.map(LOADED::matcher).filter(Matcher::matches).toList()) {
                    String from = loaded.group(2);
                    if (GENERATED.matcher(loaded.group(1)).matches()) {
                        continue;
                    }
                    if (from.startsWith("shared objects file")) {
                        archived++;
                    } else if (from.startsWith("file:")) {
                        others.add(loaded.group(1));
                    } else if (!from.startsWith("jrt:")) {
                        continue;
                    }
                    names.add(loaded.group(1).replace('.', '/'));
                }
            }
        }
        Files.write(Path.of("target", "classes.lst"), names);
        assertThat(archived / (double) (archived + others.size()))
                .as(
                        "not from the archive, as src/main/resources/io/outboxrelay/relay/command/classes.lst does not name them"
                                + " (target/classes.lst does): %s",
                        others)
                .isGreaterThan(MOST_OF_THEM);
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

    private void relayOneEvent(String source, Path archive, List<Path> logs) throws Exception {
        try (Deployment deployment = Deployment.create(PostgresServer.shared(), KafkaServer.shared())) {
            deployment.configure("source.type = " + source + "\nadmin.port = " + FreePorts.next());
            deployment.startRelay(classLog(source, archive, logs));
            deployment.insert("4711", "hello");
            deployment.awaitEmptyTable();
            for (String command : List.of("health", "status", "check")) {
                Map<String, String> environment = classLog(source + "-" + command, archive, logs);
                assertThat(deployment.command(environment, command).awaitExit(Deployment.PATIENCE))
                        .isZero();
            }
        }
    }

    private Map<String, String> classLog(String name, Path archive, List<Path> logs) throws IOException {
        Path log = directory.resolve(name + ".log");
        logs.add(log);
        return Map.of("JAVA_OPTS", "-XX:SharedArchiveFile=" + archive + " -Xlog:class+load:file=" + log + ":none");
    }
}
