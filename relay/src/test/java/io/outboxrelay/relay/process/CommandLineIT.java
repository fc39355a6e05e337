package io.outboxrelay.relay.process;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.outboxrelay.testkit.FreePorts;
import io.outboxrelay.testkit.KafkaServer;
import io.outboxrelay.testkit.PostgresServer;
import io.outboxrelay.testkit.RelayProcess;
import io.outboxrelay.testkit.TestDatabase;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import static org.assertj.core.api.Assertions.assertThat;

class CommandLineIT {

    private static final String NOWHERE = """
            database { host = 127.0.0.1, port = 1, name = shop, user = relay }
            broker.kafka { bootstrap-servers = "127.0.0.1:1", answer-timeout = 500ms }
            admin.port = 0
            """;

    @TempDir
    private Path directory;

    private record Ended(int exitCode, List<String> output) {}

    @Test
    void versionAndHelpArePrinted() throws Exception {
        assertThat(run("version").output().get(0)).matches("outbox-relay [0-9].* \\(Java .*\\)");
        assertThat(run("--version").output()).singleElement().asString().matches("outbox-relay [0-9].*");
        assertThat(run("--help").output())
                .anyMatch(line -> line.startsWith("Usage: outbox-relay"))
                .anyMatch(line -> line.startsWith("  check "));
        assertThat(run("--help").exitCode()).isZero();
    }

    @Test
    void badUsageIsOneLineAndAHint() throws Exception {
        assertThat(run()).isEqualTo(new Ended(2, List.of("outbox-relay: OR-1010 Missing command", hint(""))));
        assertThat(run("check"))
                .isEqualTo(new Ended(
                        2,
                        List.of(
                                "outbox-relay check: OR-1010 Missing required option: '--config=FILE'",
                                hint(" check"))));
        assertThat(run("dead-letters", "skip", "--config", "x"))
                .isEqualTo(new Ended(
                        2,
                        List.of(
                                "outbox-relay dead-letters skip: OR-1010 Missing required parameter: 'ID'",
                                hint(" dead-letters skip"))));
        assertThat(run("frobnicate").exitCode()).isEqualTo(2);
    }

    @Test
    void everythingThatIsWrongWithAFileIsReportedAtOnce() throws Exception {
        Path file = write("""
                database {
                  port = 0
                  name = shop
                  pasword = "hunter2"
                }
                source.debezium { slott = x, position-interval = 1h }
                broker.kafka.producer { acks = 1 }
                delivery.topic = "events.{aggregate}"
                """);

        Ended check = run("check", "--config", file.toString());
        Ended run = run("run", "--config", file.toString());

        assertThat(check.exitCode()).isEqualTo(2);
        assertThat(check.output())
                .hasSize(8)
                .startsWith(
                        "outbox-relay: " + file + " has 7 problems:",
                        "  OR-1005 database.port (relay.conf:2): is \"0\"; allowed: a whole number from 1 to 65535",
                        "  OR-1004 database.pasword (relay.conf:4): unknown setting; did you mean \"database.password\"?",
                        "  OR-1005 source.debezium.position-interval (relay.conf:6): is \"1h\"; allowed: a duration from 10ms to"
                                + " 10s",
                        "  OR-1004 source.debezium.slott (relay.conf:6): unknown setting; did you mean"
                                + " \"source.debezium.slot\"?")
                .anyMatch(line -> line.startsWith("  OR-1005 broker.kafka.producer.acks (relay.conf:7): "))
                .anyMatch(line ->
                        line.startsWith("  OR-1005 delivery.topic (relay.conf:8): \"events.{aggregate}\" names"))
                .endsWith("  OR-1006 database.user: is required and missing");
        assertThat(run).isEqualTo(check);
    }

    @Test
    void aVariableOfTheEnvironmentGoesOverTheFile() throws Exception {
        Ended ended = run(
                Map.of("CONFIG_FORCE_delivery_max__in__flight", "lots"),
                "check",
                "--config",
                write(NOWHERE).toString());

        assertThat(ended.exitCode()).isEqualTo(2);
        assertThat(ended.output())
                .contains(
                        "  OR-1005 delivery.max-in-flight (environment variable CONFIG_FORCE_delivery_max__in__flight):"
                                + " is \"lots\"; allowed: a whole number from 1 to 1000000");
    }

    @Test
    void aFileThatIsNotThereIsOneLine() throws Exception {
        Path missing = directory.resolve("missing.conf");

        assertThat(run("run", "--config", missing.toString()))
                .isEqualTo(new Ended(2, List.of("outbox-relay: OR-1001 " + missing + ": no such file")));
    }

    @Test
    void checkSaysAtOnceThatNothingCanBeReached() throws Exception {
        Path file = write(NOWHERE);

        Ended ended = run("check", "--config", file.toString());

        assertThat(ended.exitCode()).isEqualTo(1);
        assertThat(ended.output()).hasSize(7);
        assertThat(ended.output().get(0)).isEqualTo("ok       configuration: " + file + " is read.");
        assertThat(ended.output().get(1))
                .startsWith(
                        "error    OR-2001 database: the database cannot be reached: Connection to 127.0.0.1:1 refused.");
        assertThat(ended.output().get(2))
                .isEqualTo("         Remedy: start it, or mend database.host and database.port");
        assertThat(ended.output().get(3))
                .startsWith("error    OR-5001 broker: ")
                .contains("127.0.0.1:1");
        assertThat(ended.output()).endsWith("", "The relay cannot work. 2 errors.");
    }

    @Test
    void runWaitsForADatabaseThatIsDownAndStopsWhenTold() throws Exception {
        try (RelayProcess relay = RelayProcess.start(
                Deployment.DISTRIBUTION, "run", "--config", write(NOWHERE).toString())) {
            relay.awaitLine("WAITING: the database cannot be reached", Deployment.PATIENCE);
            relay.terminate();

            assertThat(relay.awaitExit(Deployment.PATIENCE)).isZero();
            assertThat(relay.output()).noneMatch(line -> line.startsWith("\tat "));
        }
    }

    @Test
    void theLogIsJsonLinesWhereTheConfigurationSaysSo() throws Exception {
        Path file = write(NOWHERE + "logging.format = json\n");
        try (RelayProcess relay = RelayProcess.start(Deployment.DISTRIBUTION, "run", "--config", file.toString())) {
            relay.awaitLine("OR-2001 WAITING: the database cannot be reached", Deployment.PATIENCE);
            relay.terminate();

            assertThat(relay.awaitExit(Deployment.PATIENCE)).isZero();
            List<String> codes = new ArrayList<>();
            for (String line : relay.output()) {
                JsonNode json = new ObjectMapper().readTree(line);
                assertThat(json.fieldNames())
                        .toIterable()
                        .startsWith("timestamp", "level", "logger", "thread")
                        .contains("message");
                codes.add(json.path("code").asText());
            }
            assertThat(codes).contains("OR-2001");
        }
    }

    @Test
    void aWrongPasswordIsOneLineAndEndsTheStart() throws Exception {
        try (TestDatabase database = PostgresServer.shared().createDatabase()) {
            String role = "r_" + database.address().name();
            database.execute("CREATE ROLE " + role + " LOGIN PASSWORD 'right'");
            Path file = write(NOWHERE
                    + """
                    database { host = "%s", port = %d, name = "%s", user = "%s", password = "wr0ng" }
                    """.formatted(
                                    database.address().host(),
                                    database.address().port(),
                                    database.address().name(),
                                    role));
            String line = "OR-2002 the database refuses the relay: FATAL: password authentication failed for user \""
                    + role + "\". Remedy: mend database.user or database.password";

            Ended skip = run("dead-letters", "skip", "e1", "--config", file.toString());
            Ended run = run("run", "--config", file.toString());
            Ended verbose = run("run", "--verbose", "--config", file.toString());

            assertThat(skip).isEqualTo(new Ended(1, List.of("outbox-relay: " + line)));
            assertThat(run.exitCode()).isEqualTo(1);
            assertThat(run.output())
                    .endsWith("outbox-relay: " + line)
                    .noneMatch(written -> written.startsWith("\tat "));
            assertThat(verbose.output())
                    .anyMatch(written -> written.startsWith("\tat "))
                    .noneMatch(written -> written.contains("wr0ng"));
            database.execute("DROP ROLE " + role);
        }
    }

    @Test
    void checkSaysThatTheTopicsOfATemplateCannotBeLookedAt() throws Exception {
        try (Deployment deployment = Deployment.create(PostgresServer.shared(), KafkaServer.shared())) {
            deployment.configure("delivery.topic = \"events.{aggregateType}\"\n");

            assertThat(deployment.command("check").output())
                    .anyMatch(line -> line.startsWith("ok       delivery.topic: events.{aggregateType} is filled in"));
        }
    }

    @Test
    void checkWarnsOfEventsThatTheFallbackWouldLose() throws Exception {
        try (Deployment deployment = Deployment.create(PostgresServer.shared(), KafkaServer.shared())) {
            String log = "source.type = pgoutput\nsource.pgoutput.message-prefix = outbox\n";
            deployment.configure(log);
            assertThat(deployment.command("check").output())
                    .anyMatch(line -> line.startsWith("warning  OR-3410 source.fallback: ")
                            && line.contains("source.pgoutput.message-prefix = outbox"))
                    .anyMatch(line -> line.startsWith("         Remedy: set source.fallback = none"));

            deployment.configure(log + "source.fallback = none\n");
            assertThat(deployment.command("check").output()).noneMatch(line -> line.contains("OR-3410"));
        }
    }

    @Test
    void fromAnEmptyDatabaseToARelayThatStreams() throws Exception {
        KafkaServer kafka = KafkaServer.shared();
        try (TestDatabase database = PostgresServer.shared().createDatabase()) {
            String name = database.address().name();
            kafka.createTopic("events." + name, 1, Map.of());
            Path password = Files.writeString(
                    directory.resolve("password"), database.address().password());
            String file = write("""
                    database { host = "%s", port = %d, name = "%s", user = "r_%s", password = "pa55-of-the-relay" }
                    source.debezium { slot = "%s" }
                    broker.kafka.bootstrap-servers = "%s"
                    delivery.topic = "events.%s"
                    admin.port = %d
                    """.formatted(
                                    database.address().host(),
                                    database.address().port(),
                                    name,
                                    name,
                                    name,
                                    kafka.bootstrapServers(),
                                    name,
                                    FreePorts.next()))
                    .toString();
            String[] init = {
                "init",
                "--apply",
                "--config",
                file,
                "--admin-user",
                database.address().user(),
                "--admin-password-file",
                password.toString()
            };

            assertThat(run(init).output())
                    .contains("CREATE TABLE outbox (", "CREATE ROLE \"r_" + name + "\" LOGIN REPLICATION;")
                    .noneMatch(line -> line.contains("pa55"));
            assertThat(run(init).output().get(0)).startsWith("-- Nothing is missing in " + name);
            Ended check = run("check", "--config", file);
            assertThat(check.exitCode()).as("%s", check.output()).isZero();
            assertThat(check.output()).noneMatch(line -> line.startsWith("error"));
            try (RelayProcess relay = RelayProcess.start(Deployment.DISTRIBUTION, "run", "--config", file)) {
                relay.awaitLine("STREAMING", Deployment.PATIENCE);
                database.execute("INSERT INTO outbox (aggregate_type, aggregate_id, type, payload)"
                        + " VALUES ('order', '1', 'placed', '{}')");
                assertThat(kafka.read("events." + name, 1, Deployment.PATIENCE)).hasSize(1);
                Awaitility.await("the relay to have seen the slot that it made, and to be ready")
                        .atMost(Deployment.PATIENCE)
                        .untilAsserted(
                                () -> assertThat(run("health", "--config", file).output())
                                        .anyMatch(line -> line.startsWith("ready: STREAMING since ")));
                assertThat(run("health", "--config", file).exitCode()).isZero();
                assertThat(run("status", "--config", file).output())
                        .anyMatch(line -> line.matches("state +STREAMING .*"))
                        .anyMatch(line -> line.matches("leader +backend .*"))
                        .anyMatch(line -> line.matches("slot +" + name + ": active, .*"));
                relay.terminate();
                assertThat(relay.awaitExit(Deployment.PATIENCE)).isZero();
            }
            assertThat(run("health", "--config", file).exitCode()).isEqualTo(1);
        }
    }

    @Test
    void anOperatorsWordNeedsTheRelaysTables() throws Exception {
        try (TestDatabase database = PostgresServer.shared().createDatabase()) {
            Path file = write(NOWHERE
                    + """
                    database { host = "%s", port = %d, name = "%s", user = "%s", password = "%s" }
                    """.formatted(
                                    database.address().host(),
                                    database.address().port(),
                                    database.address().name(),
                                    database.address().user(),
                                    database.address().password()));

            assertThat(run("dead-letters", "retry", "e1", "--config", file.toString()))
                    .isEqualTo(new Ended(
                            1,
                            List.of(
                                    "outbox-relay: OR-2006 ERROR: relation \"public.outbox_relay_request\" does not exist."
                                            + " Remedy: apply the migration of outbox-schema, or mend outbox.schema and"
                                            + " outbox.table")));
        }
    }

    @Test
    void itStartsThroughALinkFromAnywhere() throws Exception {
        Path link = Files.createSymbolicLink(
                directory.resolve("relay link"),
                Deployment.DISTRIBUTION.resolve("bin/outbox-relay").toAbsolutePath());
        Path relative = Files.createSymbolicLink(directory.resolve("second"), Path.of("relay link"));

        Process process = new ProcessBuilder(relative.toString(), "version")
                .directory(Path.of("/").toFile())
                .start();

        assertThat(process.waitFor()).isZero();
        Files.delete(relative);
        Files.delete(link);
    }

    @Test
    void aJavaThatIsMissingOrTooOldIsSaid() throws Exception {
        Path old = java("old", "echo 'openjdk version \"11.0.2\" 2019-01-15' >&2");

        assertThat(run(Map.of("JAVA_HOME", directory.resolve("old").toString()), "version"))
                .isEqualTo(new Ended(2, List.of("outbox-relay: Java 17 or newer is needed; " + old + " is 11")));
        assertThat(run(Map.of("JAVA_HOME", "/nowhere"), "version"))
                .isEqualTo(new Ended(2, List.of("outbox-relay: JAVA_HOME is /nowhere, where there is no bin/java")));
    }

    @Test
    void aJavaThatDoesNotKnowAnOptionStartsWithoutIt() throws Exception {
        java("early", """
                case "$*" in
                  *Trim*) echo 'Unrecognized VM option' >&2; exit 1 ;;
                  -version) echo 'openjdk version "17.0.1" 2021-10-19' >&2 ;;
                  *) echo "started with $*" ;;
                esac""");

        Ended ended = run(Map.of("JAVA_HOME", directory.resolve("early").toString()), "run");

        assertThat(ended.exitCode()).isZero();
        assertThat(ended.output()).singleElement().asString().startsWith("started with -Xmx256m");
    }

    @Test
    void optionsOfTheJvmCanBeAdded() throws Exception {
        assertThat(run(Map.of("JAVA_OPTS", "-Xmx64m -showversion"), "version").output())
                .anyMatch(line -> line.startsWith("openjdk version"));
    }

    /** The home of a Java that does what the script says. Returns its program. */
    private Path java(String home, String script) throws IOException {
        Path java =
                Files.createDirectories(directory.resolve(home).resolve("bin")).resolve("java");
        Files.writeString(java, "#!/bin/sh\n" + script + "\n");
        return Files.setPosixFilePermissions(java, PosixFilePermissions.fromString("rwxr-xr-x"));
    }

    private Path write(String text) throws IOException {
        return Files.writeString(directory.resolve("relay.conf"), text);
    }

    private static String hint(String command) {
        return "Try 'outbox-relay" + command + " --help'.";
    }

    private static Ended run(String... arguments) throws InterruptedException {
        return run(Map.of(), arguments);
    }

    private static Ended run(Map<String, String> environment, String... arguments) throws InterruptedException {
        try (RelayProcess process = RelayProcess.start(Deployment.DISTRIBUTION, environment, line -> {}, arguments)) {
            return new Ended(process.awaitExit(Deployment.PATIENCE), process.output());
        }
    }
}
