package io.outboxrelay.postgres;

import java.sql.Connection;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

import io.outboxrelay.api.AfterDelivery;
import io.outboxrelay.api.AfterDelivery.Action;
import io.outboxrelay.api.Finding;
import io.outboxrelay.api.OutboxDatabase;
import io.outboxrelay.api.OutboxSource;
import io.outboxrelay.api.SourceFactory;
import io.outboxrelay.schema.OutboxColumns;
import io.outboxrelay.schema.OutboxTable;
import io.outboxrelay.testkit.PostgresServer;
import io.outboxrelay.testkit.TestDatabase;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

class OutboxSetupTest {

    private static final String PASSWORD = "a'pass word";
    private static final OutboxTable ODD = new OutboxTable("Shop", "order", OutboxColumns.DEFAULT);

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
            other.execute("DROP ROLE IF EXISTS \"" + role + "\", outbox_service");
        }
    }

    @ParameterizedTest
    @EnumSource
    void anEmptyDatabaseGetsAllThatTheRelayNeedsAndNothingTwice(Action action) throws Exception {
        OutboxSetup setup = setup(OutboxTable.DEFAULT, action, log(true));

        apply(setup);

        assertThat(missing(setup)).isEmpty();
        if (action != Action.DROP_PARTITION) {
            assertThat(findings(OutboxTable.DEFAULT, action))
                    .noneMatch(finding -> finding.level() == Finding.Level.ERROR);
        }
        apply(setup);
    }

    @Test
    void namesThatNeedQuotesAreQuoted() throws Exception {
        role = "R-" + database.address().name();
        OutboxSetup setup = setup(ODD, Action.DELETE, log(true));

        apply(setup);

        assertThat(missing(setup)).isEmpty();
        assertThat(findings(ODD, Action.DELETE)).noneMatch(finding -> finding.level() == Finding.Level.ERROR);
        database.execute("INSERT INTO \"Shop\".\"order\" (type) VALUES ('t')");
    }

    @Test
    void aPartitionedTableUnderAnotherNameHasItsOwnSequenceAndPartitions() throws Exception {
        apply(setup(ODD, Action.DROP_PARTITION, log(true)));

        database.execute("INSERT INTO \"Shop\".\"order\" (type) VALUES ('t');"
                + " SELECT * FROM \"Shop\".order_p1; SELECT * FROM \"Shop\".order_seq");
    }

    @Test
    void theScriptIsWhatAnEmptyDatabaseLacks() throws Exception {
        OutboxSetup setup = setup(OutboxTable.DEFAULT, Action.DELETE, log(false));

        assertThat(missing(setup)).isEqualTo(setup.all());
    }

    @Test
    void ofWhatIsThereNothingIsMadeAgain() throws Exception {
        OutboxSetup setup = setup(OutboxTable.DEFAULT, Action.DELETE, log(true));
        apply(setup);
        database.execute("DROP PUBLICATION outbox_relay; DROP INDEX outbox_dead_letter_wish;"
                + " REVOKE DELETE ON outbox FROM " + role + "; ALTER ROLE " + role + " NOREPLICATION");

        assertThat(missing(setup).stream().map(SetupStep::what))
                .containsExactly(
                        "publication outbox_relay",
                        "index outbox_dead_letter_wish",
                        "rights of " + role + " on outbox",
                        "right of " + role + " to replicate");
        apply(setup);
        assertThat(missing(setup)).isEmpty();
    }

    @Test
    void partitionsThatAreGoneAreNotMissed() throws Exception {
        OutboxSetup setup = setup(OutboxTable.DEFAULT, Action.DROP_PARTITION, log(true));
        apply(setup);
        database.execute("DROP TABLE outbox_p1");

        assertThat(missing(setup)).isEmpty();
    }

    @Test
    void aTableOfSomebodysOwnIsAddedToThePublication() throws Exception {
        database.execute("CREATE TABLE other (id int); CREATE PUBLICATION outbox_relay FOR TABLE other;"
                + " CREATE TABLE events (id uuid, aggregatetype text, aggregateid text, type text, payload jsonb)");
        OutboxTable events = new OutboxTable("public", "events", OutboxColumns.DEBEZIUM);
        OutboxSetup setup = setup(events, Action.DELETE, log(true));

        assertThat(missing(setup).get(0).sql())
                .isEqualTo("ALTER PUBLICATION \"outbox_relay\" ADD TABLE \"public\".\"events\";");
        apply(setup);
        assertThat(missing(setup)).isEmpty();
    }

    @Test
    void aTableWithColumnsOfOtherNamesIsNotMade() {
        OutboxTable events = new OutboxTable("public", "events", OutboxColumns.DEBEZIUM);

        assertThatThrownBy(() -> missing(setup(events, Action.DELETE, log(true))))
                .isInstanceOf(UnsupportedOperationException.class)
                .hasMessageContaining("outbox.columns");
    }

    @Test
    void whoOnlyPollsNeedsNoPublicationAndMayNotReplicate() throws Exception {
        OutboxSetup setup = setup(OutboxTable.DEFAULT, Action.DELETE, table());

        apply(setup);

        assertThat(missing(setup)).isEmpty();
        database.execute("DO $$ BEGIN ASSERT NOT EXISTS (SELECT FROM pg_publication);"
                + " ASSERT NOT (SELECT rolreplication FROM pg_roles WHERE rolname = '" + role + "'); END $$");
    }

    @Test
    void aSlotIsMadeOnlyWhereTheRelayMayNot() throws Exception {
        assertThat(missing(setup(OutboxTable.DEFAULT, Action.DELETE, log(true))))
                .noneMatch(step -> step.what().startsWith("slot"));
        OutboxSetup setup = setup(OutboxTable.DEFAULT, Action.DELETE, log(false));

        apply(setup);

        assertThat(missing(setup)).isEmpty();
        database.execute("SELECT pg_drop_replication_slot('" + slot() + "')");
        assertThat(missing(setup)).extracting(SetupStep::what).containsExactly("slot " + slot());
    }

    @Test
    void theRoleGetsThePasswordAndNoStatementShowsIt() throws Exception {
        OutboxSetup setup = setup(OutboxTable.DEFAULT, Action.DELETE, log(true));
        assertThat(missing(setup)).noneMatch(step -> step.sql().contains("pass word"));

        apply(setup);

        try (Connection connection = database.dataSource(role, PASSWORD).getConnection()) {
            assertThat(connection.isValid(5)).isTrue();
        }
    }

    @Test
    void aStatementThatFailsLeavesNothingBehind() throws Exception {
        OutboxSetup setup = setup(OutboxTable.DEFAULT, Action.DELETE, log(true));
        List<SetupStep> steps = new ArrayList<>(missing(setup));
        steps.add(new SetupStep("nonsense", "SELECT 1/0;", SetupStep.Kind.STATEMENT));

        try (Connection connection = database.connect()) {
            assertThatThrownBy(() -> setup.apply(connection, steps, step -> {})).isInstanceOf(SQLException.class);
        }
        assertThat(missing(setup)).hasSize(steps.size() - 1);
    }

    private OutboxSetup setup(OutboxTable table, Action action, SourceFactory source) {
        return new OutboxSetup(table, AfterDelivery.of(action), source, role, PASSWORD);
    }

    private void apply(OutboxSetup setup) throws SQLException {
        List<SetupStep> missing = missing(setup);
        try (Connection connection = database.connect()) {
            setup.apply(connection, missing, step -> {});
        }
    }

    private List<SetupStep> missing(OutboxSetup setup) throws SQLException {
        try (Connection connection = database.connect()) {
            return setup.missing(connection);
        }
    }

    private List<Finding> findings(OutboxTable table, Action action) throws SQLException {
        try (Connection connection = database.dataSource(role, PASSWORD).getConnection()) {
            return new LogPreflight(
                            table,
                            AfterDelivery.of(action),
                            new LogSettings(slot(), true, false, ExistingRows.PUBLISH),
                            "outbox_relay")
                    .check(connection);
        }
    }

    private String slot() {
        return "s_" + database.address().name();
    }

    private SourceFactory log(boolean makesSlot) {
        return new Source(Optional.of(slot()), Optional.of("outbox_relay"), makesSlot);
    }

    private static SourceFactory table() {
        return new Source(Optional.empty(), Optional.empty(), true);
    }

    private record Source(Optional<String> slot, Optional<String> publication, boolean makesSlot)
            implements SourceFactory {

        @Override
        public List<Finding> check(OutboxDatabase asked) {
            throw new UnsupportedOperationException();
        }

        @Override
        public OutboxSource open(OutboxDatabase asked) {
            throw new UnsupportedOperationException();
        }
    }
}
