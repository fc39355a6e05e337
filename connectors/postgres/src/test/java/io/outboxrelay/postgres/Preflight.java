package io.outboxrelay.postgres;

import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.List;

import io.outboxrelay.api.AfterDelivery;
import io.outboxrelay.api.AfterDelivery.Action;
import io.outboxrelay.api.Finding;
import io.outboxrelay.schema.OutboxTable;
import io.outboxrelay.schema.SchemaScript;
import io.outboxrelay.testkit.TestDatabase;
import org.awaitility.Awaitility;

import static org.assertj.core.api.Assertions.assertThat;

/** A database with the schema installed, checked as the relay's role would check it, and mended as an operator would. */
final class Preflight implements AutoCloseable {

    static final String SLOT = "preflight_slot";

    static final LogSettings SETTINGS = new LogSettings(SLOT, true, false, ExistingRows.PUBLISH);

    private static final String ROLE = "preflight_relay";

    private final TestDatabase database;
    private OutboxTable table = OutboxTable.DEFAULT;
    private AfterDelivery after = AfterDelivery.DELETE;
    private LogSettings settings = SETTINGS;
    private boolean isQueue;

    /** Over an empty database, which it closes. */
    Preflight(TestDatabase database) throws SQLException {
        this.database = database;
        database.execute("CREATE ROLE " + ROLE + " LOGIN REPLICATION");
    }

    Preflight install(SchemaScript outbox) throws SQLException {
        database.execute(outbox.sql());
        database.execute(SchemaScript.RELAY.sql());
        database.execute("GRANT SELECT, DELETE ON outbox TO " + ROLE);
        database.execute(
                "GRANT SELECT, INSERT, UPDATE, DELETE ON outbox_relay_checkpoint, outbox_relay_request TO " + ROLE);
        return this;
    }

    Preflight of(OutboxTable other) {
        table = other;
        return this;
    }

    Preflight after(Action action) {
        after = AfterDelivery.of(action);
        return this;
    }

    Preflight with(LogSettings other) {
        settings = other;
        return this;
    }

    /** Has the table checked as a queue, not the log. */
    Preflight ofQueue() {
        isQueue = true;
        return this;
    }

    /** Runs statements one after the other, each in a transaction of its own, as psql does. */
    void run(String sql) throws SQLException {
        String statements = sql.replaceFirst(" -- .*$", "");
        try (Connection connection = database.connect();
                Statement statement = connection.createStatement()) {
            for (String one : statements.split(";", -1)) {
                if (!one.isBlank()) {
                    statement.execute(one);
                }
            }
        }
    }

    List<Finding> findings() throws SQLException {
        try (Connection connection = database.connect();
                Statement statement = connection.createStatement()) {
            statement.execute("SET SESSION AUTHORIZATION " + ROLE);
            if (isQueue) {
                return new TablePreflight(table, after).check(connection);
            }
            return new LogPreflight(table, after, settings, "outbox_relay").check(connection);
        }
    }

    /** The findings that are not as they should be, but for the limit on retained log, which test servers do not set. */
    List<Finding> problems() throws SQLException {
        return findings().stream()
                .filter(finding -> finding.level() != Finding.Level.OK)
                .filter(finding -> !finding.subject().equals("max_slot_wal_keep_size"))
                .toList();
    }

    /** The one problem there is. */
    Finding problem() throws SQLException {
        List<Finding> problems = problems();
        assertThat(problems).hasSize(1);
        return problems.get(0);
    }

    /** Runs the remedy of the one problem as it is printed, and sees that none is left. */
    void mend() throws SQLException {
        run(problem().remedy());
        // Settings reach a new session a moment after pg_reload_conf().
        Awaitility.await("the remedy to take effect")
                .atMost(Duration.ofSeconds(60))
                .untilAsserted(() -> assertThat(problems()).isEmpty());
    }

    @Override
    public void close() throws SQLException {
        run("DROP OWNED BY " + ROLE + "; DROP ROLE " + ROLE);
        database.close();
    }
}
