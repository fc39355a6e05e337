package io.outboxrelay.relay.ops;

import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.Optional;

import io.outboxrelay.api.AfterDelivery;
import io.outboxrelay.api.Code;
import io.outboxrelay.api.OutboxDatabase;
import io.outboxrelay.postgres.FiguresReader;
import io.outboxrelay.schema.OutboxTable;
import io.outboxrelay.schema.SchemaScript;
import io.outboxrelay.testkit.PostgresServer;
import io.outboxrelay.testkit.TestDatabase;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

class HealthWatchTest {

    private static final Duration PATIENCE = Duration.ofSeconds(90);

    private final Health health = new Health();
    private TestDatabase database;

    @BeforeEach
    void create() throws SQLException {
        database = PostgresServer.shared().createDatabase();
        database.execute(SchemaScript.TABLE.sql());
    }

    @AfterEach
    void drop() throws SQLException {
        database.close();
    }

    @Test
    void aSlotThatWasNotMadeYetWhenItWasLookedForIsNotHeldAgainstTheStream() {
        OutboxDatabase outbox = new OutboxDatabase(
                database.address(), OutboxTable.DEFAULT, AfterDelivery.DELETE, database.dataSource());
        try (FiguresWatch figures = FiguresWatch.start(new FiguresReader(outbox, Optional.of("not_made_yet")));
                HealthWatch watch = new HealthWatch(health, figures)) {
            watch.start();
            await("the look that finds no slot")
                    .atMost(PATIENCE)
                    .until(() -> figures.latest().slot().isPresent());

            health.is(Health.State.STREAMING, "");
            assertThat(health.report(Health.Probe.READY).ok()).isTrue();
        }
    }

    @Test
    void aRelayThatSaysItStreamsIsNotBelievedByTheSlotOrWithoutADatabase() throws SQLException {
        String slot = database.address().name();
        database.execute("SELECT pg_create_logical_replication_slot('" + slot + "', 'pgoutput')");
        OutboxDatabase outbox = new OutboxDatabase(
                database.address(), OutboxTable.DEFAULT, AfterDelivery.DELETE, database.dataSource());
        health.is(Health.State.STREAMING, "");
        try (FiguresWatch figures = FiguresWatch.start(new FiguresReader(outbox, Optional.of(slot)));
                HealthWatch watch = new HealthWatch(health, figures)) {
            watch.start();
            awaitTrouble("a slot that nobody streams from", Code.STREAM_STALLED);
            assertThat(health.report(Health.Probe.LIVE).ok()).isTrue();

            database.execute("SELECT pg_drop_replication_slot('" + slot + "')");
            awaitTrouble("a slot that is gone", Code.POSITION_SLOT_GONE);

            health.is(Health.State.POLLING, "the slot is gone");
            assertThat(health.status().state()).isEqualTo(Health.State.POLLING);

            try (Connection elsewhere = database.connectElsewhere();
                    Statement statement = elsewhere.createStatement()) {
                statement.execute("ALTER DATABASE " + slot + " ALLOW_CONNECTIONS false");
            }
            awaitTrouble("a database that lets nobody in", Code.DATABASE_FAILED);
            assertThat(health.report(Health.Probe.LIVE).ok()).isTrue();
        }
    }

    private void awaitTrouble(String what, Code code) {
        await(what)
                .atMost(PATIENCE)
                .until(() -> health.status().state() == Health.State.WAITING
                        && health.status().code().equals(Optional.of(code)));
    }
}
