package io.outboxrelay.postgres;

import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.Map;

import io.outboxrelay.api.Finding;
import io.outboxrelay.api.Finding.Level;
import io.outboxrelay.schema.SchemaScript;
import io.outboxrelay.testkit.PostgresServer;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

/** Findings about the server as a whole, each on a server of its own. */
class LogPreflightServerTest {

    private static final String SLOT = "SELECT pg_create_logical_replication_slot('preflight_slot', 'pgoutput')";

    @Test
    void aServerThatIsTooOld() {
        assertThat(ServerChecks.version(130022))
                .hasToString("OR-2102 server version: is 13.22, which is too old."
                        + " Remedy: Move the database to Postgres 14 or newer.");
        assertThat(ServerChecks.version(140024).level()).isEqualTo(Level.OK);
    }

    @Test
    void aServerThatIsNewerThanTheTests() {
        assertThat(ServerChecks.version(180006).level()).isEqualTo(Level.OK);
        assertThat(ServerChecks.version(190001).level()).isEqualTo(Level.WARNING);
        assertThat(ServerChecks.version(190001).text()).isEqualTo("is 19.1; tested are 14 to 18.");
    }

    @Test
    void aLogThatHoldsTooLittle() throws SQLException {
        mendByRestart(
                "wal_level", "replica", Level.ERROR, "is replica: the log does not hold what logical decoding needs.");
    }

    @Test
    void aServerWhoseSlotsAreAllTaken() throws SQLException {
        mendByRestart(
                "max_replication_slots",
                "0",
                Level.ERROR,
                "all 0 slots of the server are in use, and the slot preflight_slot is still to be made.");
    }

    @Test
    void aServerThatSendsItsLogToNobodyMore() throws SQLException {
        mendByRestart("max_wal_senders", "0", Level.ERROR, "all 0 are in use");
    }

    @Test
    void ourOwnSlotMayBeTheLastOne() throws SQLException {
        try (PostgresServer server = PostgresServer.start(Map.of("max_replication_slots", "1"));
                Preflight preflight = new Preflight(server.createDatabase()).install(SchemaScript.TABLE)) {
            preflight.run(SLOT);

            assertThat(preflight.problems()).isEmpty();
        }
    }

    @Test
    void anUnlimitedLog() throws SQLException {
        try (PostgresServer server = PostgresServer.start();
                Preflight preflight = new Preflight(server.createDatabase()).install(SchemaScript.TABLE)) {
            Finding finding = about(preflight, "max_slot_wal_keep_size");

            assertThat(finding.level()).isEqualTo(Level.WARNING);
            assertThat(finding.text()).contains("until the disk is full").contains("loses its slot instead");
            preflight.run(finding.remedy());
            awaitOk(preflight, "max_slot_wal_keep_size");
        }
    }

    @Test
    void aSlotThatTheServerGivesUpWhenIdle() throws SQLException {
        try (PostgresServer server = PostgresServer.start()) {
            assumeTrue(server.version() >= 18, "idle_replication_slot_timeout came with Postgres 18");
            try (Preflight preflight = new Preflight(server.createDatabase()).install(SchemaScript.TABLE)) {
                preflight.run("ALTER SYSTEM SET idle_replication_slot_timeout = '1h'; SELECT pg_reload_conf()");
                Awaitility.await("the setting to reach new sessions")
                        .atMost(Duration.ofSeconds(60))
                        .until(() -> !preflight.problems().isEmpty());

                assertThat(preflight.problem().toString())
                        .startsWith(
                                "OR-3209 idle_replication_slot_timeout: is 1h: a relay that is away longer loses its slot.");
                preflight.mend();
            }
        }
    }

    @Test
    void aSlotThatIsAboutToBeLostAndOneThatIs() throws SQLException {
        try (PostgresServer server = PostgresServer.start();
                Preflight preflight = new Preflight(server.createDatabase()).install(SchemaScript.TABLE)) {
            preflight.run("ALTER SYSTEM SET max_slot_wal_keep_size = '1MB'; SELECT pg_reload_conf()");
            preflight.run(SLOT);
            awaitOk(preflight, "max_slot_wal_keep_size");

            preflight.run(writeLog());

            assertThat(preflight.problem().level()).isEqualTo(Level.WARNING);
            assertThat(preflight.problem().text()).startsWith("is about to be lost");
            preflight.mend();

            preflight.run("ALTER SYSTEM SET max_slot_wal_keep_size = '1MB'; SELECT pg_reload_conf()");
            awaitOk(preflight, "max_slot_wal_keep_size");
            preflight.run(writeLog() + "; CHECKPOINT");

            assertThat(preflight.problem().level()).isEqualTo(Level.ERROR);
            assertThat(preflight.problem().text())
                    .startsWith(server.version() < 17 ? "is lost:" : "is lost (wal_removed):");
            preflight.mend();
        }
    }

    @Test
    void aServerThatAnswersBeforeTheDiskHasTheCommit() throws SQLException {
        try (PostgresServer server = PostgresServer.start(Map.of("synchronous_commit", "off"));
                Preflight preflight = new Preflight(server.createDatabase()).install(SchemaScript.TABLE)) {
            assertThat(preflight.problems()).isEmpty();
            assertThat(about(preflight, "synchronous_commit").text())
                    .startsWith("is off: the log shows a commit only when it is on disk");
        }
    }

    /** Test servers take settings at their start, over those of ALTER SYSTEM; so what the remedy wrote is handed to a new one. */
    private static void mendByRestart(String setting, String value, Level level, String text) throws SQLException {
        String mended;
        try (PostgresServer server = PostgresServer.start(Map.of(setting, value));
                Preflight preflight = new Preflight(server.createDatabase()).install(SchemaScript.TABLE)) {
            Finding finding = preflight.problem();
            assertThat(finding.level()).isEqualTo(level);
            assertThat(finding.subject()).isEqualTo(setting);
            assertThat(finding.text()).contains(text);
            preflight.run(finding.remedy());
            mended = written(server, setting);
        }
        try (PostgresServer server = PostgresServer.start(Map.of(setting, mended));
                Preflight preflight = new Preflight(server.createDatabase()).install(SchemaScript.TABLE)) {
            assertThat(preflight.problems()).isEmpty();
        }
    }

    private static String written(PostgresServer server, String setting) throws SQLException {
        try (var database = server.createDatabase();
                Connection connection = database.connect();
                Statement statement = connection.createStatement();
                ResultSet row = statement.executeQuery("SELECT setting FROM pg_file_settings WHERE name = '" + setting
                        + "' AND sourcefile LIKE '%postgresql.auto.conf'")) {
            assertThat(row.next()).isTrue();
            return row.getString(1);
        }
    }

    /** Two files of log, of which a limit of 1 MB keeps none. */
    private static String writeLog() {
        return "SELECT pg_logical_emit_message(false, 'test', repeat('x', 1000000)) FROM generate_series(1, 40)";
    }

    private static Finding about(Preflight preflight, String subject) throws SQLException {
        return preflight.findings().stream()
                .filter(finding -> finding.subject().equals(subject))
                .findFirst()
                .orElseThrow();
    }

    private static void awaitOk(Preflight preflight, String subject) {
        Awaitility.await(subject + " to reach new sessions")
                .atMost(Duration.ofSeconds(60))
                .until(() -> about(preflight, subject).level() == Level.OK);
    }
}
