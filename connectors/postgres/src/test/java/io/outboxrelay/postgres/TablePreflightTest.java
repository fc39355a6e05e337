package io.outboxrelay.postgres;

import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Optional;
import java.util.Set;

import io.outboxrelay.api.AfterDelivery;
import io.outboxrelay.api.AfterDelivery.Action;
import io.outboxrelay.api.Finding;
import io.outboxrelay.api.Finding.Level;
import io.outboxrelay.schema.OutboxColumns;
import io.outboxrelay.schema.OutboxTable;
import io.outboxrelay.schema.SchemaScript;
import io.outboxrelay.testkit.PostgresServer;
import io.outboxrelay.testkit.TestDatabase;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

import static org.assertj.core.api.Assertions.assertThat;

/** Every finding about a table that is to be polled: what it says, and that its remedy mends it as printed. */
class TablePreflightTest {

    private TestDatabase database;
    private Preflight preflight;

    @BeforeEach
    void createDatabase() throws SQLException {
        database = PostgresServer.shared().createDatabase();
        preflight = new Preflight(database).ofQueue();
        preflight.run("ALTER ROLE preflight_relay NOREPLICATION");
    }

    @AfterEach
    void dropDatabase() throws SQLException {
        preflight.close();
    }

    @ParameterizedTest
    @EnumSource(names = {"TABLE", "PARTITIONED_TABLE"})
    void nothingIsWrongWithTheSchemaThatShips(SchemaScript outbox) throws SQLException {
        assertThat(preflight.install(outbox).problems()).isEmpty();
        assertThat(preflight.findings())
                .extracting(Finding::subject)
                .containsExactly(
                        "server version",
                        "table public.outbox",
                        "table public.outbox",
                        "order of public.outbox",
                        "after-delivery",
                        "relay tables");
    }

    @Test
    void nothingIsWrongWithAnUnloggedTableNorWithoutAPublication() throws SQLException {
        preflight.install(SchemaScript.TABLE).run("DROP PUBLICATION outbox_relay; ALTER TABLE outbox SET UNLOGGED");

        assertThat(preflight.problems()).isEmpty();
    }

    @Test
    void nothingIsWrongWithTheScriptForMarking() throws SQLException {
        preflight.install(SchemaScript.TABLE).after(Action.MARK);
        database.execute(SchemaScript.MARK.sql());
        preflight.run("REVOKE DELETE ON outbox FROM preflight_relay;"
                + " GRANT UPDATE (delivered_at) ON outbox TO preflight_relay");

        assertThat(preflight.problems()).isEmpty();
    }

    @Test
    void theCheckChangesNothing() throws SQLException {
        preflight.install(SchemaScript.TABLE);

        try (Connection connection = database.connect();
                Statement statement = connection.createStatement()) {
            statement.execute("SET default_transaction_read_only = on");
            assertThat(new TablePreflight(OutboxTable.DEFAULT, AfterDelivery.DELETE).check(connection))
                    .isNotEmpty();
        }
    }

    @Test
    void aTableThatIsNotThere() throws SQLException {
        preflight.install(SchemaScript.TABLE).of(new OutboxTable("public", "Outbox", OutboxColumns.DEFAULT));

        assertFinding(Level.ERROR, "table public.Outbox", "There is public.outbox.");
    }

    @Test
    void aView() throws SQLException {
        preflight.install(SchemaScript.TABLE).of(new OutboxTable("public", "seen", OutboxColumns.DEFAULT));
        preflight.run("CREATE VIEW seen AS SELECT * FROM outbox");

        assertFinding(Level.ERROR, "table public.seen", "is no table");
    }

    @Test
    void onePartition() throws SQLException {
        preflight
                .install(SchemaScript.PARTITIONED_TABLE)
                .of(new OutboxTable("public", "outbox_p1", OutboxColumns.DEFAULT));
        preflight.run("GRANT SELECT, DELETE ON outbox_p1 TO preflight_relay");

        assertFinding(
                Level.ERROR, "table public.outbox_p1", "is one partition of outbox: the others would not be read");
    }

    @Test
    void rowsThatAreKept() throws SQLException {
        preflight.install(SchemaScript.TABLE).after(Action.KEEP);

        assertFinding(Level.ERROR, "after-delivery", "is keep");
    }

    @Test
    void aTableMadeForDebeziumHasNoOrder() throws SQLException {
        preflight.install(SchemaScript.TABLE).of(new OutboxTable("public", "outboxevent", OutboxColumns.DEBEZIUM));
        preflight.run("CREATE TABLE outboxevent (id uuid PRIMARY KEY, aggregatetype varchar(255) NOT NULL,"
                + " aggregateid varchar(255) NOT NULL, type varchar(255) NOT NULL, payload jsonb);"
                + " GRANT SELECT, DELETE ON outboxevent TO preflight_relay");

        assertFinding(Level.ERROR, "order of public.outboxevent", "outbox.columns.seq names no column");

        preflight.run(preflight.problem().remedy());
        OutboxColumns columns = OutboxColumns.DEBEZIUM;
        preflight.of(new OutboxTable(
                "public",
                "outboxevent",
                new OutboxColumns(
                        columns.id(),
                        columns.aggregateType(),
                        columns.aggregateId(),
                        columns.type(),
                        columns.payload(),
                        columns.headers(),
                        columns.createdAt(),
                        Optional.of("seq"))));
        assertThat(preflight.problems()).isEmpty();
    }

    @ParameterizedTest
    @CsvSource({
        "TABLE, ALTER TABLE outbox DROP COLUMN seq",
        "PARTITIONED_TABLE, ALTER TABLE outbox RENAME COLUMN seq TO no"
    })
    void anOrderThatIsNotThere(SchemaScript script, String change) throws SQLException {
        preflight.install(script).run(change);

        assertFinding(Level.ERROR, "order of public.outbox", "has no column seq");
        preflight.mend();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "ALTER seq DROP IDENTITY; ALTER TABLE outbox ALTER seq TYPE text    | is of type text",
                "ALTER seq DROP IDENTITY; ALTER TABLE outbox ALTER seq TYPE numeric | is of type numeric",
                "DROP CONSTRAINT outbox_pkey                           | no index begins with seq",
            })
    void anOrderThatCannotBeUsed(String change, String text) throws SQLException {
        preflight.install(SchemaScript.TABLE).run("ALTER TABLE outbox " + change);

        assertFinding(Level.ERROR, "order of public.outbox", text);
        preflight.mend();
    }

    @Test
    void anOrderThatMayBeMissing() throws SQLException {
        preflight
                .install(SchemaScript.TABLE)
                .run("ALTER TABLE outbox ALTER seq DROP IDENTITY, DROP CONSTRAINT outbox_pkey,"
                        + " ALTER seq DROP NOT NULL, ADD UNIQUE (seq)");

        assertFinding(Level.ERROR, "order of public.outbox", "may be NULL");
        preflight.mend();
    }

    @Test
    void anOrderInWhichANumberMayComeTwice() throws SQLException {
        preflight
                .install(SchemaScript.TABLE)
                .run("ALTER TABLE outbox ALTER seq DROP IDENTITY, DROP CONSTRAINT outbox_pkey;"
                        + " CREATE INDEX ON outbox (seq, id)");

        assertFinding(Level.WARNING, "order of public.outbox", "two rows may have the same seq");
        preflight.mend();
    }

    @Test
    void marksWithoutAnIndexOfTheUnmarked() throws SQLException {
        preflight.install(SchemaScript.TABLE).after(Action.MARK);
        preflight.run("ALTER TABLE outbox ADD delivered_at timestamptz;"
                + " GRANT UPDATE (delivered_at) ON outbox TO preflight_relay");

        assertFinding(Level.ERROR, "order of public.outbox", "no index finds the unmarked rows");
        preflight.mend();
    }

    @Test
    void marksWithoutAColumn() throws SQLException {
        preflight.install(SchemaScript.TABLE).after(Action.MARK);

        assertFinding(Level.ERROR, "after-delivery", "has no column delivered_at");
        preflight.mend();
    }

    @ParameterizedTest
    @ValueSource(strings = {"payload", "seq", "created_at"})
    void aColumnThatTheRoleMayNotRead(String column) throws SQLException {
        preflight.install(SchemaScript.TABLE);
        preflight.run(
                "REVOKE SELECT ON outbox FROM preflight_relay; GRANT SELECT (id, seq, aggregate_type, aggregate_id,"
                        + " type, payload, headers, created_at) ON outbox TO preflight_relay; REVOKE SELECT (" + column
                        + ") ON outbox FROM preflight_relay");

        assertFinding(Level.ERROR, "table public.outbox", "may not read its columns " + column);
        preflight.mend();
    }

    @Test
    void rowsThatTheRoleMayNotDelete() throws SQLException {
        preflight.install(SchemaScript.TABLE).run("REVOKE DELETE ON outbox FROM preflight_relay");

        assertFinding(Level.ERROR, "after-delivery", "may not delete rows");
        preflight.mend();
    }

    @Test
    void aTimeThatIsNotThere() throws SQLException {
        preflight.install(SchemaScript.TABLE).run("ALTER TABLE outbox DROP COLUMN created_at");

        assertFinding(Level.ERROR, "table public.outbox", "has no column created_at");
        preflight.mend();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "; CREATE POLICY readers ON outbox FOR SELECT USING (true)",
                "; CREATE POLICY few_rows ON outbox FOR ALL USING (type = 'x')",
                "; CREATE POLICY strict ON outbox AS RESTRICTIVE FOR DELETE USING (type = 'x')",
            })
    void rowsThatPoliciesHideOrProtect(String policy) throws SQLException {
        preflight.install(SchemaScript.TABLE).run("ALTER TABLE outbox ENABLE ROW LEVEL SECURITY" + policy);

        assertFinding(Level.ERROR, "table public.outbox", "row-level security may hide rows");
        preflight.mend();
    }

    @Test
    void noTableForTheOperatorsWord() throws SQLException {
        preflight
                .install(SchemaScript.TABLE)
                .run("DROP TABLE outbox_relay_request; DROP TABLE outbox_relay_checkpoint");

        assertFinding(
                Level.WARNING, "relay tables", "public.outbox_relay_request not found. Without it nobody can retry");
    }

    @Test
    void aTableForTheOperatorsWordThatIsClosed() throws SQLException {
        preflight.install(SchemaScript.TABLE).run("REVOKE ALL ON outbox_relay_request FROM preflight_relay");

        assertFinding(Level.WARNING, "relay tables", "may not read and write");
        preflight.mend();
    }

    @Test
    void sessionsStayWithWhoOpenedThem() throws SQLException {
        assertThat(TablePreflight.sessions(database.address()).level()).isEqualTo(Level.OK);
        assertThat(TablePreflight.sessions(Set.of(1), Set.of(2)).level()).isEqualTo(Level.OK);
    }

    @Test
    void sessionsThatAPoolerLendsForOneTransactionHoldNoLock() {
        assertThat(TablePreflight.sessions(Set.of(1), Set.of(1)).level()).isEqualTo(Level.ERROR);
        assertThat(TablePreflight.sessions(Set.of(1, 2), Set.of(3)).level()).isEqualTo(Level.ERROR);
        assertThat(TablePreflight.sessions(Set.of(1), Set.of(2, 3)).level()).isEqualTo(Level.ERROR);
    }

    private void assertFinding(Level level, String subject, String text) throws SQLException {
        Finding finding = preflight.problem();
        assertThat(finding.level()).isEqualTo(level);
        assertThat(finding.subject()).isEqualTo(subject);
        assertThat(finding.text()).contains(text);
        assertThat(finding.remedy()).isNotBlank();
    }
}
