package io.outboxrelay.postgres;

import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

import io.outboxrelay.api.AfterDelivery;
import io.outboxrelay.schema.OutboxTable;
import io.outboxrelay.schema.SchemaScript;
import io.outboxrelay.testkit.PostgresServer;
import io.outboxrelay.testkit.TestDatabase;
import liquibase.Scope;
import liquibase.UpdateSummaryEnum;
import liquibase.analytics.configuration.AnalyticsArgs;
import liquibase.command.CommandScope;
import liquibase.command.core.UpdateCommandStep;
import liquibase.command.core.helpers.DbUrlConnectionArgumentsCommandStep;
import liquibase.command.core.helpers.ShowSummaryArgument;
import liquibase.database.DatabaseFactory;
import liquibase.database.jvm.JdbcConnection;
import liquibase.ui.LoggerUIService;
import org.flywaydb.core.Flyway;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

/** The SQL of {@code outbox-schema}, run by the tools that its users run it with. */
class MigrationTest {

    private static final String COLUMNS = """
            SELECT column_name || ' ' || data_type FROM information_schema.columns
            WHERE table_schema = 'public' AND table_name = 'outbox' ORDER BY ordinal_position""";

    private TestDatabase database;

    @BeforeEach
    void createDatabase() throws SQLException {
        database = PostgresServer.shared().createDatabase();
    }

    @AfterEach
    void dropDatabase() throws SQLException {
        database.close();
    }

    @ParameterizedTest
    @EnumSource(names = {"TABLE", "PARTITIONED_TABLE"})
    void bothTablesHaveTheSameColumns(SchemaScript table) throws SQLException {
        database.execute(table.sql());

        assertThat(query(COLUMNS))
                .containsExactly(
                        "seq bigint",
                        "id uuid",
                        "aggregate_type text",
                        "aggregate_id text",
                        "type text",
                        "payload jsonb",
                        "headers jsonb",
                        "created_at timestamp with time zone");
    }

    @ParameterizedTest
    @EnumSource(names = {"TABLE", "PARTITIONED_TABLE"})
    void aRowNeedsNothingButItsEvent(SchemaScript table) throws SQLException {
        database.execute(table.sql());

        database.execute("INSERT INTO outbox (aggregate_type, aggregate_id, type, payload)"
                + " SELECT 'order', '7', 'OrderPlaced', '{}' FROM generate_series(1, 3)");

        assertThat(query("SELECT seq FROM outbox WHERE id IS NOT NULL AND headers = '{}' AND created_at <= now()"
                        + " ORDER BY seq"))
                .containsExactly("1", "2", "3");
    }

    @ParameterizedTest
    @EnumSource(names = {"TABLE", "PARTITIONED_TABLE"})
    void theSequenceTakesNoNumbersInAdvance(SchemaScript table) throws SQLException {
        database.execute(table.sql());

        assertThat(query("SELECT seqcache FROM pg_sequence")).containsExactly("1");
    }

    @ParameterizedTest
    @EnumSource(names = {"TABLE", "PARTITIONED_TABLE"})
    void thePublicationCarriesInsertsOfTheWholeTableAndNothingElse(SchemaScript table) throws SQLException {
        database.execute(table.sql());

        assertThat(query(
                        "SELECT format('%s %s %s %s', pubinsert, pubupdate, pubdelete, pubtruncate) FROM pg_publication"
                                + " WHERE pubname = 'outbox_relay'"))
                .containsExactly("t f f f");
        assertThat(query("SELECT tablename FROM pg_publication_tables WHERE pubname = 'outbox_relay'"))
                .containsExactly("outbox");
    }

    @Test
    void thePartitionedTableBeginsWithPartitionsForNumbersToCome() throws SQLException {
        database.execute(SchemaScript.PARTITIONED_TABLE.sql());

        database.execute("INSERT INTO outbox (seq) VALUES (-1), (10000000), (10000001), (40000000)");

        assertThat(query("SELECT tableoid::regclass || ' ' || seq FROM outbox ORDER BY seq"))
                .containsExactly(
                        "outbox_p1 -1", "outbox_p1 10000000", "outbox_p10000001 10000001", "outbox_p30000001 40000000");
    }

    @Test
    void aRowBeyondTheLastPartitionIsRefused() throws SQLException {
        database.execute(SchemaScript.PARTITIONED_TABLE.sql());

        assertThatThrownBy(() -> database.execute("INSERT INTO outbox (seq) VALUES (40000001)"))
                .hasMessageContaining("no partition of relation \"outbox\" found for row");
    }

    @Test
    void thePartitionedTableGrowsAndShrinksAsItsCommentsSay() throws SQLException {
        database.execute(SchemaScript.PARTITIONED_TABLE.sql());
        List<String> commands = commands(SchemaScript.PARTITIONED_TABLE);

        assertThat(commands).hasSize(4);
        for (String command : commands) {
            database.execute(command);
        }

        assertThat(query("SELECT relname FROM pg_inherits JOIN pg_class c ON c.oid = inhrelid"
                        + " WHERE inhparent = 'outbox'::regclass ORDER BY 1"))
                .containsExactly("outbox_p10000001", "outbox_p20000001", "outbox_p30000001", "outbox_p40000001");
        assertThat(query("SELECT to_regclass('outbox_p1')")).containsExactly((String) null);
    }

    @ParameterizedTest
    @EnumSource(names = {"TABLE", "PARTITIONED_TABLE"})
    void rowsThatAreThereBeforeTheMarkAreUnsent(SchemaScript table) throws SQLException {
        database.execute(table.sql());
        database.execute("INSERT INTO outbox (type) VALUES ('OrderPlaced')");

        database.execute(SchemaScript.MARK.sql());

        assertThat(query("SELECT type FROM outbox WHERE delivered_at IS NULL")).containsExactly("OrderPlaced");
    }

    @Test
    void theMarkCommentsHaveTwoWaysToPrepareABigTable() throws SQLException {
        List<String> commands = commands(SchemaScript.MARK);
        assertThat(commands).hasSize(6);
        database.execute(SchemaScript.TABLE.sql());
        database.execute("INSERT INTO outbox (type) VALUES ('OrderPlaced')");

        for (String command : commands.subList(0, 2)) {
            database.execute(command);
        }
        database.execute("INSERT INTO outbox (type) VALUES ('OrderPaid')");
        for (String command : commands.subList(2, 6)) {
            database.execute(command);
        }
        database.execute(SchemaScript.MARK.sql());

        assertThat(query("SELECT type FROM outbox WHERE delivered_at IS NULL")).containsExactly("OrderPaid");
        assertThat(query("SELECT count(*) FROM pg_index WHERE indrelid = 'outbox'::regclass"))
                .containsExactly("2");
    }

    @Test
    void theCommandThatPurgesLeavesWhatIsUnsentOrYoung() throws SQLException {
        database.execute(SchemaScript.TABLE.sql());
        database.execute(SchemaScript.MARK.sql());
        database.execute("INSERT INTO outbox (type, delivered_at) VALUES ('unsent', NULL), ('young', now()),"
                + " ('old', now() - interval '8 days')");

        database.execute(commands(SchemaScript.MARK).get(5));

        assertThat(query("SELECT type FROM outbox ORDER BY seq")).containsExactly("unsent", "young");
    }

    @Test
    void whatIsUnsentIsFoundByItsIndexHoweverManyMarkedRowsThereAre() throws SQLException {
        database.execute(SchemaScript.TABLE.sql());
        database.execute(SchemaScript.MARK.sql());
        database.execute("INSERT INTO outbox (type, delivered_at) SELECT 'x', CASE WHEN n <= 9990 THEN now() END"
                + " FROM generate_series(1, 10000) n; ANALYZE outbox");

        assertThat(query("EXPLAIN SELECT * FROM outbox WHERE delivered_at IS NULL ORDER BY seq LIMIT 100"))
                .anyMatch(line -> line.contains("Index Scan using outbox_unsent"));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "seq = 0",
                "id = gen_random_uuid()",
                "aggregate_type = 'x'",
                "aggregate_id = 'x'",
                "type = 'x'",
                "payload = '{}'",
                "headers = '{}'",
                "created_at = now()"
            })
    void theGuardRefusesToChangeAnyColumnOfAnEvent(String change) throws SQLException {
        database.execute(SchemaScript.TABLE.sql());
        database.execute(SchemaScript.REFUSE_UPDATES.sql());
        database.execute("INSERT INTO outbox (type) VALUES ('OrderPlaced')");

        assertThatThrownBy(() -> database.execute("UPDATE outbox SET " + change))
                .hasMessageContaining("an event of public.outbox must not be changed")
                .hasMessageContaining("Insert a new event that says what changed");
    }

    @Test
    void theGuardRefusesUpsertsOnAPartitionedTableToo() throws SQLException {
        database.execute(SchemaScript.PARTITIONED_TABLE.sql());
        database.execute(SchemaScript.REFUSE_UPDATES.sql());

        assertThatThrownBy(() -> database.execute(
                        "INSERT INTO outbox (seq) VALUES (1) ON CONFLICT (seq) DO UPDATE SET type = 'x'"))
                .hasMessageContaining("must not be changed");
    }

    @Test
    void theGuardLetsInsertsDeletesAndColumnsOfOthersPass() throws SQLException {
        database.execute(SchemaScript.TABLE.sql());
        database.execute(SchemaScript.REFUSE_UPDATES.sql());
        database.execute(SchemaScript.MARK.sql());

        database.execute("INSERT INTO outbox (type) VALUES ('OrderPlaced'), ('OrderPaid')");
        database.execute("UPDATE outbox SET delivered_at = now() WHERE type = 'OrderPlaced'");
        database.execute("DELETE FROM outbox WHERE delivered_at IS NULL");

        assertThat(query("SELECT type FROM outbox WHERE delivered_at IS NOT NULL"))
                .containsExactly("OrderPlaced");
    }

    @ParameterizedTest
    @ValueSource(strings = {"table", "partitioned"})
    void flywayRunsTheMigrationsBesideThoseOfTheService(String variant) throws SQLException {
        database.execute("CREATE TABLE orders (id bigint PRIMARY KEY)");

        flyway(variant, "relay", "mark", "guard");
        flyway(variant, "relay", "mark", "guard");

        assertEverythingIsThere();
        assertThat(query("SELECT version FROM outbox_schema_history WHERE type = 'SQL' AND success AND version > '0'"))
                .containsExactly("1", "2", "3", "4");
    }

    @Test
    void flywayRunsTheRelaysTablesAloneForAnExistingOutbox() throws SQLException {
        database.execute("CREATE TABLE outboxevent (id uuid PRIMARY KEY)");

        flyway("relay");

        assertThat(query("SELECT count(*) FROM outbox_relay_checkpoint")).containsExactly("0");
    }

    @Test
    void liquibaseRunsTheMigrations() throws Exception {
        try (Connection connection = database.connect()) {
            var liquibase =
                    DatabaseFactory.getInstance().findCorrectDatabaseImplementation(new JdbcConnection(connection));
            Map<String, Object> silence =
                    Map.of(Scope.Attr.ui.name(), new LoggerUIService(), AnalyticsArgs.ENABLED.getKey(), false);
            Scope.child(
                    silence,
                    () -> new CommandScope(UpdateCommandStep.COMMAND_NAME)
                            .addArgumentValue(DbUrlConnectionArgumentsCommandStep.DATABASE_ARG, liquibase)
                            .addArgumentValue(UpdateCommandStep.CHANGELOG_FILE_ARG, "changelog.xml")
                            .addArgumentValue(ShowSummaryArgument.SHOW_SUMMARY, UpdateSummaryEnum.OFF)
                            .execute());
        }

        assertEverythingIsThere();
    }

    /** Names with capitals, blanks and quotes, in a schema of their own: as the comments in the scripts say. */
    @ParameterizedTest
    @EnumSource(names = {"TABLE", "PARTITIONED_TABLE"})
    void tableAndColumnsMayHaveAnyName(SchemaScript script) throws SQLException {
        OutboxTable table = RenamedOutbox.TABLE;

        database.execute(RenamedOutbox.sql(script));
        database.execute(RenamedOutbox.sql(SchemaScript.RELAY));
        database.execute(RenamedOutbox.sql(SchemaScript.MARK));
        database.execute(RenamedOutbox.sql(SchemaScript.REFUSE_UPDATES));

        database.execute("INSERT INTO " + table.quoted() + " (\"Aggregate\"\"Id\") VALUES ('7')");
        assertThatThrownBy(() -> database.execute("UPDATE " + table.quoted() + " SET \"Aggregate\"\"Id\" = '8'"))
                .hasMessageContaining("an event of Shop Events.Out \"Box\" must not be changed");
        try (Connection connection = database.connect()) {
            assertThat(new LogPreflight(table, AfterDelivery.DELETE, Preflight.SETTINGS, "Relay's").check(connection))
                    .noneMatch(finding -> finding.subject().contains("Box")
                            && !finding.remedy().isEmpty())
                    .noneMatch(finding -> finding.subject().contains("Relay's")
                            && !finding.remedy().isEmpty())
                    .noneMatch(finding -> finding.subject().equals("relay tables")
                            && !finding.remedy().isEmpty());
        }
    }

    /** The statements in a script's comments, each a line of its own. */
    private static List<String> commands(SchemaScript script) {
        return script.sql()
                .lines()
                .filter(line -> line.startsWith("--     "))
                .map(line -> line.substring(2))
                .toList();
    }

    private void flyway(String... folders) {
        List<String> locations = new ArrayList<>();
        for (String folder : folders) {
            locations.add("classpath:db/outbox/postgres/" + folder);
        }
        Flyway.configure()
                .dataSource(database.dataSource())
                .locations(locations.toArray(String[]::new))
                .table("outbox_schema_history")
                .baselineOnMigrate(true)
                .baselineVersion("0")
                .load()
                .migrate();
    }

    private void assertEverythingIsThere() throws SQLException {
        assertThat(query("SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND NOT relispartition"
                        + " AND relname LIKE 'outbox%' AND relname <> 'outbox_schema_history' ORDER BY relname"))
                .containsExactly(
                        "outbox",
                        "outbox_claim_check",
                        "outbox_dead_letter",
                        "outbox_relay_checkpoint",
                        "outbox_relay_partition",
                        "outbox_relay_request");
        assertThat(query("SELECT count(*) FROM outbox WHERE delivered_at IS NULL"))
                .containsExactly("0");
        assertThat(query("SELECT pubname FROM pg_publication")).containsExactly("outbox_relay");
        assertThat(query("SELECT tgname FROM pg_trigger WHERE tgrelid = 'outbox'::regclass"))
                .containsExactly("outbox_refuse_update");
    }

    private List<String> query(String sql) throws SQLException {
        List<String> values = new ArrayList<>();
        try (Connection connection = database.connect();
                Statement statement = connection.createStatement();
                ResultSet rows = statement.executeQuery(sql)) {
            while (rows.next()) {
                values.add(rows.getString(1));
            }
        }
        return values;
    }
}
