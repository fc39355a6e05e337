package io.outboxrelay.relay.command;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

import com.fasterxml.jackson.databind.JsonNode;
import io.outboxrelay.api.DatabaseAddress;
import io.outboxrelay.schema.SchemaScript;
import io.outboxrelay.testkit.PostgresServer;
import io.outboxrelay.testkit.TestDatabase;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import static org.assertj.core.api.Assertions.assertThat;

class StatusCommandTest {

    private static final String ANSWER = """
            {"state": "STREAMING", "since": "2026-03-01T12:00:00Z", "reason": "", "mode": "log",
             "rates": {"eventsPerSecond": 12.34, "bytesPerSecond": 2048},
             "latency": {"p50Seconds": 0.004, "p99Seconds": 0.02},
             "errors": [{"lastAt": "2026-03-01T11:59:00Z", "text": "OR-5001 the broker was away"}]}
            """;

    @TempDir
    private Path directory;

    private TestDatabase database;
    private AnsweringPort port;

    @BeforeEach
    void open() throws Exception {
        database = PostgresServer.shared().createDatabase();
        database.execute(SchemaScript.TABLE.sql() + SchemaScript.RELAY.sql() + SchemaScript.DEAD_LETTER.sql());
        port = AnsweringPort.open();
    }

    @AfterEach
    void close() throws Exception {
        port.close();
        database.close();
    }

    @Test
    void itTellsWhatTheDatabaseAndTheRelayKnow() throws Exception {
        port.answer("/api/status", 200, ANSWER);
        database.execute("INSERT INTO outbox (type, created_at) VALUES ('a', now() - interval '90 s'), ('b', now())");
        database.execute("SELECT pg_create_logical_replication_slot('"
                + database.address().name() + "', 'pgoutput')");

        Terminal status = status();

        assertThat(status.err()).isEmpty();
        assertThat(status.exitCode()).isZero();
        assertThat(status.lines())
                .anyMatch(line -> line.matches("outbox +public\\.outbox of .*"))
                .anyMatch(line -> line.matches("state +STREAMING \\(for .*\\)"))
                .anyMatch(line -> line.matches("mode +log"))
                .anyMatch(line -> line.matches("rate +12\\.3 events/s, 2\\.0 kB/s"))
                .anyMatch(line -> line.matches("latency +p50 4 ms, p99 20 ms"))
                .anyMatch(line -> line.matches("last error +2026-03-01T11:59:00Z OR-5001 the broker was away"))
                .anyMatch(line -> line.matches("leader +nobody relays this outbox"))
                .anyMatch(line -> line.matches("lag +1 min \\d+ s, .* of log"))
                .anyMatch(line -> line.matches("waiting +2 rows"))
                .anyMatch(line -> line.matches("slot +" + database.address().name() + ": not active, reserved, .*"))
                .anyMatch(line -> line.matches("dead letters +0 events, 0 aggregates parked"));
    }

    @Test
    void programsGetTheSameAsJson() throws Exception {
        port.answer("/api/status", 200, ANSWER);
        database.execute("INSERT INTO outbox (type) VALUES ('a')");

        JsonNode json = status("--output", "json").json();

        assertThat(json.path("waiting").path("rows").intValue()).isEqualTo(1);
        assertThat(json.path("slot").path("walStatus").textValue()).isEqualTo("missing");
        assertThat(json.path("deadLetters").path("events").intValue()).isZero();
        assertThat(json.path("relay").path("state").textValue()).isEqualTo("STREAMING");
        assertThat(json.path("leader").path("holder").isNull()).isTrue();
    }

    @Test
    void aRelayWithoutTheApiTellsItsStateAtLeast() throws Exception {
        port.answer("/health/ready", 503, "{\"state\":\"WAITING\",\"reason\":\"no broker\"}");

        assertThat(status().lines())
                .anyMatch(line -> line.matches("state +WAITING"))
                .anyMatch(line -> line.matches("reason +no broker"));
    }

    @Test
    void withoutARelayTheDatabaseStillTells() throws Exception {
        port.close();

        Terminal status = status();

        assertThat(status.exitCode()).isZero();
        assertThat(status.lines())
                .anyMatch(line -> line.matches("state +not known: nobody answers at .*"))
                .anyMatch(line -> line.matches("waiting +0 rows"));
    }

    @Test
    void withoutTheDatabaseTheRelayStillTells() throws Exception {
        port.answer("/api/status", 200, ANSWER);
        database.execute("SELECT 1");

        Terminal status = run("database { host = 127.0.0.1, port = 1, name = shop, user = relay }");

        assertThat(status.exitCode()).isEqualTo(1);
        assertThat(status.lines())
                .anyMatch(line -> line.matches("state +STREAMING .*"))
                .anyMatch(line -> line.matches("database +OR-\\d+ the database cannot be reached.*"));
    }

    private Terminal status(String... more) throws IOException {
        DatabaseAddress address = database.address();
        return run(
                """
                database { host = "%s", port = %d, name = "%s", user = "%s", password = "%s" }
                source.debezium.slot = "%s"
                """.formatted(
                                address.host(),
                                address.port(),
                                address.name(),
                                address.user(),
                                address.password(),
                                address.name()),
                more);
    }

    private Terminal run(String text, String... more) throws IOException {
        Path file = Files.writeString(
                directory.resolve("relay.conf"),
                text + "\nbroker.kafka.bootstrap-servers = \"127.0.0.1:1\"\nadmin.port = " + port.number());
        String[] arguments = new String[more.length + 3];
        arguments[0] = "status";
        arguments[1] = "--config";
        arguments[2] = file.toString();
        System.arraycopy(more, 0, arguments, 3, more.length);
        return Terminal.run(arguments);
    }
}
