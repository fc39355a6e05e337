package io.outboxrelay.relay.command;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.SQLException;

import com.fasterxml.jackson.databind.JsonNode;
import io.outboxrelay.api.DatabaseAddress;
import io.outboxrelay.testkit.PostgresServer;
import io.outboxrelay.testkit.TestDatabase;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import static org.assertj.core.api.Assertions.assertThat;

class InitCommandTest {

    @TempDir
    private Path directory;

    private TestDatabase database;
    private String role;

    @BeforeEach
    void createDatabase() throws SQLException {
        database = PostgresServer.shared().createDatabase();
        role = "r_" + database.address().name();
    }

    /** Roles outlive their database. */
    @AfterEach
    void dropDatabaseAndRoles() throws SQLException {
        database.close();
        try (TestDatabase other = PostgresServer.shared().createDatabase()) {
            other.execute("DROP ROLE IF EXISTS " + role + ", outbox_service");
        }
    }

    @Test
    void whatIsMissingIsShownThenRunThenNotMissingAnyMore() throws Exception {
        Terminal shown = init(admin());
        assertThat(shown.exitCode()).isZero();
        assertThat(shown.out())
                .startsWith("SET search_path TO \"public\";\n\nCREATE TABLE outbox (")
                .contains("This is missing in " + database.address().name())
                .contains("The replication slot outbox_relay is made by the relay itself")
                .doesNotContain("hunter2");

        Terminal applied = init(admin("--apply"));
        assertThat(applied.err()).isEmpty();
        assertThat(applied.exitCode()).isZero();
        assertThat(applied.out())
                .startsWith("SET search_path")
                .contains("Done in ")
                .doesNotContain("hunter2");

        assertThat(init(admin("--apply")).lines().get(0)).startsWith("-- Nothing is missing in ");
    }

    @Test
    void theScriptIsWhatADatabaseAdministratorRuns() throws Exception {
        Terminal printed = init("--print");

        assertThat(printed.exitCode()).isZero();
        database.execute(printed.out());
        assertThat(init(admin()).lines().get(0)).startsWith("-- Nothing is missing in ");
    }

    @Test
    void programsGetEveryStatement() throws Exception {
        JsonNode json = init(admin("--apply", "--output", "json")).json();

        assertThat(json.path("applied").booleanValue()).isTrue();
        assertThat(json.path("statements").path(0).path("sql").textValue()).isEqualTo("SET search_path TO \"public\";");
        assertThat(json.path("statements").path(1).path("makes").textValue()).isEqualTo("table outbox");
        assertThat(json.path("statements").size()).isGreaterThan(10);
    }

    @Test
    void aRoleThatIsNotThereYetCannotConnectAndIsToldWhoMay() throws Exception {
        Terminal init = init();

        assertThat(init.exitCode()).isEqualTo(1);
        assertThat(init.err())
                .startsWith("outbox-relay: OR-")
                .contains(role + " cannot connect")
                .contains("--admin-user");
    }

    @Test
    void whoMayNotChangesNothing() throws Exception {
        database.execute("CREATE ROLE " + role + " LOGIN PASSWORD 'hunter2-hunter2'");

        Terminal init = init("--apply");

        assertThat(init.exitCode()).isEqualTo(1);
        assertThat(init.err())
                .contains("permission denied")
                .contains("Nothing was changed; --admin-user names who may");
    }

    @Test
    void aPasswordFileNeedsToBeThereAndToHaveAUser() throws Exception {
        assertThat(init("--admin-password-file", "/nowhere").exitCode()).isEqualTo(2);
        assertThat(init("--admin-user", "x", "--admin-password-file", "/nowhere")
                        .err())
                .contains("--admin-password-file: cannot read /nowhere");
    }

    private String[] admin(String... more) throws IOException {
        Path password = Files.writeString(
                directory.resolve("password"), database.address().password() + "\n");
        String[] arguments = new String[more.length + 4];
        arguments[0] = "--admin-user";
        arguments[1] = database.address().user();
        arguments[2] = "--admin-password-file";
        arguments[3] = password.toString();
        System.arraycopy(more, 0, arguments, 4, more.length);
        return arguments;
    }

    private Terminal init(String... more) throws IOException {
        DatabaseAddress address = database.address();
        Path file = Files.writeString(
                directory.resolve("relay.conf"), """
                database { host = "%s", port = %d, name = "%s", user = "%s", password = "hunter2-hunter2" }
                broker.kafka.bootstrap-servers = "127.0.0.1:1"
                """.formatted(address.host(), address.port(), address.name(), role));
        String[] arguments = new String[more.length + 3];
        arguments[0] = "init";
        arguments[1] = "--config";
        arguments[2] = file.toString();
        System.arraycopy(more, 0, arguments, 3, more.length);
        return Terminal.run(arguments);
    }
}
