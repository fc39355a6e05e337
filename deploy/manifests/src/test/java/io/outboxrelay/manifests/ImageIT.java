package io.outboxrelay.manifests;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.sql.Connection;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;

import io.outboxrelay.api.DatabaseAddress;
import io.outboxrelay.schema.SchemaScript;
import io.outboxrelay.testkit.FreePorts;
import io.outboxrelay.testkit.KafkaServer;
import io.outboxrelay.testkit.PostgresServer;
import io.outboxrelay.testkit.RelayProcess;
import io.outboxrelay.testkit.TestDatabase;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;

/**
 * The image without Docker: the Dockerfile's own script makes the file system, and the Dockerfile's own commands run in it,
 * as its user, on a root that nobody can write to.
 */
class ImageIT {

    private static final Path DISTRIBUTION = Deploy.TOP.resolve("relay/target/outbox-relay");
    private static final Path ROOT = Path.of("target/image").toAbsolutePath();
    private static final String CONFIG = "etc/outbox-relay/outbox-relay.conf";
    private static final long MOST_BYTES = 150_000_000;
    private static final Duration PATIENCE = Duration.ofSeconds(90);

    /** What a container runtime does, by the means of the kernel. An ordinary user may do it in a user namespace. */
    private static final String CONTAINER = """
            #!/bin/sh
            exec unshare --user --map-root-user --mount sh -euc '
              root=$1; shift
              mount --bind "$root" "$root"
              mount --rbind /proc "$root/proc"
              mount --rbind /dev "$root/dev"
              mount -o remount,bind,ro "$root"
              exec unshare --user --map-user=%1$s --map-group=%2$s --root="$root" --wd=/ "$@"' sh '%3$s' %4$s "$@"
            """;

    private static Dockerfile dockerfile;

    @BeforeAll
    static void makeTheFileSystem() throws Exception {
        dockerfile = Dockerfile.read();
        assertThat(dockerfile.the("RUN deploy/docker/make-root"))
                .isEqualTo("RUN deploy/docker/make-root relay/target/outbox-relay /image");
        assertThat(dockerfile.the("COPY --from=build")).isEqualTo("COPY --from=build /image /");
        Deploy.output("rm", "-rf", ROOT.toString());
        Deploy.output(
                Deploy.FOLDER.resolve("docker/make-root").toAbsolutePath().toString(),
                DISTRIBUTION.toAbsolutePath().toString(),
                ROOT.toString());
    }

    @Test
    void itIsSmallAndHoldsNothingToRunButJava() throws IOException {
        try (Stream<Path> walk = Files.walk(ROOT)) {
            List<Path> files = walk.filter(Files::isRegularFile).toList();
            long bytes = 0;
            for (Path file : files) {
                bytes += Files.size(file);
            }
            assertThat(bytes).isLessThan(MOST_BYTES);
            assertThat(files.stream()
                            .filter(file -> file.getParent().endsWith("bin"))
                            .map(file -> ROOT.relativize(file).toString()))
                    .contains("opt/java/bin/java")
                    .allMatch(file -> file.startsWith("opt/java/bin/"));
            assertThat(files).contains(ROOT.resolve("opt/outbox-relay/sbom.cdx.json"));
        }
    }

    @Test
    void itRelaysAndTellsItsHealth() throws Exception {
        try (TestDatabase database = PostgresServer.shared().createDatabase()) {
            database.execute(SchemaScript.TABLE.sql() + SchemaScript.RELAY.sql() + SchemaScript.DEAD_LETTER.sql());
            KafkaServer kafka = KafkaServer.shared();
            String topic = "events." + database.address().name();
            kafka.createTopic(topic, 1, Map.of());
            configure(database.address(), kafka, topic);
            List<String> command = dockerfile.command("CMD");
            List<String> health = dockerfile.command("HEALTHCHECK");

            try (RelayProcess relay = RelayProcess.start(
                    container("relay", dockerfile.command("ENTRYPOINT")), command.toArray(String[]::new))) {
                relay.awaitLine("STREAMING", PATIENCE);
                try (Connection connection = database.connect();
                        Statement insert = connection.createStatement()) {
                    insert.execute("INSERT INTO outbox (aggregate_type, aggregate_id, type, payload)"
                            + " VALUES ('order', '4711', 'placed', '{}')");
                }
                assertThat(kafka.read(topic, 1, PATIENCE)).hasSize(1);
                Awaitility.await("the relay to be well")
                        .atMost(PATIENCE)
                        .untilAsserted(() -> assertThat(exitCode(health)).isZero());

                relay.terminate();
                assertThat(relay.awaitExit(PATIENCE)).isIn(0, 143);
                assertThat(relay.output()).noneMatch(line -> line.contains(" ERROR "));
            }
            assertThat(exitCode(health)).as("where no relay runs").isEqualTo(1);
        }
    }

    /** Java goes without an archive that it cannot use, unless it is told to fail then. */
    @Test
    void itsCommandsTakeTheirClassesFromItsArchive() throws Exception {
        for (String instruction : List.of("ENTRYPOINT", "HEALTHCHECK")) {
            try (RelayProcess process = RelayProcess.start(
                    container("archive", dockerfile.command(instruction)),
                    Map.of("JAVA_TOOL_OPTIONS", "-Xshare:on"),
                    line -> {},
                    "--help")) {
                assertThat(process.awaitExit(PATIENCE))
                        .as("%s: %s", instruction, process.output())
                        .isZero();
            }
        }
    }

    private static void configure(DatabaseAddress address, KafkaServer kafka, String topic) throws IOException {
        Files.writeString(ROOT.resolve(CONFIG), """
                database { host = "%s", port = %d, name = "%s", user = "%s", password = "%s" }
                source { fallback = none, debezium.slot = "%s" }
                broker.kafka.bootstrap-servers = "%s"
                delivery.topic = "%s"
                admin.port = %d
                """.formatted(
                        address.host(),
                        address.port(),
                        address.name(),
                        address.user(),
                        address.password(),
                        address.name(),
                        kafka.bootstrapServers(),
                        topic,
                        FreePorts.next()));
    }

    private static int exitCode(List<String> command) throws Exception {
        try (RelayProcess process = RelayProcess.start(container("health", command))) {
            return process.awaitExit(PATIENCE);
        }
    }

    /** A folder with a {@code bin/outbox-relay} that runs the command, and what is added to it, in the container. */
    private static Path container(String name, List<String> command) throws IOException {
        List<String> user = new ArrayList<>(
                List.of(dockerfile.the("USER").substring("USER ".length()).split(":", -1)));
        Path script = Path.of("target/containers", name, "bin/outbox-relay").toAbsolutePath();
        Files.createDirectories(script.getParent());
        Files.writeString(
                script,
                CONTAINER.formatted(
                        user.get(0),
                        user.get(1),
                        ROOT,
                        command.stream().map(word -> "'" + word + "'").collect(Collectors.joining(" "))));
        Files.setPosixFilePermissions(script, PosixFilePermissions.fromString("rwxr-xr-x"));
        return script.getParent().getParent();
    }
}
