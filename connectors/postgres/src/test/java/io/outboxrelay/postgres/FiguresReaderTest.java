package io.outboxrelay.postgres;

import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.Optional;

import io.outboxrelay.api.AfterDelivery;
import io.outboxrelay.api.AfterDelivery.Action;
import io.outboxrelay.api.OutboxDatabase;
import io.outboxrelay.postgres.OutboxFigures.DeadLetters;
import io.outboxrelay.postgres.OutboxFigures.Slot;
import io.outboxrelay.postgres.OutboxFigures.Waiting;
import io.outboxrelay.schema.OutboxColumns;
import io.outboxrelay.schema.OutboxTable;
import io.outboxrelay.schema.SchemaScript;
import io.outboxrelay.testkit.PostgresServer;
import io.outboxrelay.testkit.TestDatabase;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

class FiguresReaderTest {

    private static final Optional<String> NO_SLOT = Optional.empty();
    private static final Duration LIMIT = Duration.ofMinutes(5);

    private TestDatabase database;
    private String role;

    @BeforeEach
    void create() throws SQLException {
        database = PostgresServer.shared().createDatabase();
        database.execute(SchemaScript.TABLE.sql());
        // Roles belong to the whole server, which other tests share.
        role = "figures_" + database.address().name();
        database.execute("CREATE ROLE " + role + " LOGIN PASSWORD 'relay'; GRANT USAGE ON SCHEMA public TO " + role
                + "; GRANT SELECT, DELETE ON outbox TO " + role);
    }

    @AfterEach
    void drop() throws SQLException {
        database.execute("DROP OWNED BY " + role + "; DROP ROLE " + role);
        database.close();
    }

    @Test
    void whoOnlyPollsIsToldWhatWaitsAndNothingOfALogOrOfTablesThatAreNotThere() throws SQLException {
        insert(3, "now() - interval '1 minute'");
        insert(2, "now()");

        OutboxFigures figures = read(OutboxTable.DEFAULT, AfterDelivery.DELETE, NO_SLOT);

        assertThat(figures.slot()).isEmpty();
        assertThat(figures.deadLetters()).isEmpty();
        Waiting waiting = figures.waiting().orElseThrow();
        assertThat(waiting.rows()).isEqualTo(5);
        assertThat(waiting.estimated()).isFalse();
        assertThat(waiting.oldest().orElseThrow()).isBetween(Duration.ofMinutes(1), LIMIT);
        assertThat(figures.readers().orElseThrow().all()).isEmpty();
        assertThat(figures.readers().orElseThrow().leader()).isEmpty();
    }

    @Test
    void whereNothingWaitsNothingIsOld() throws SQLException {
        assertThat(read(OutboxTable.DEFAULT, AfterDelivery.DELETE, NO_SLOT).waiting())
                .contains(new Waiting(0, false, Optional.empty()));
    }

    @Test
    void manyRowsAreEstimated() throws SQLException {
        insert(150_000, "now()");
        database.execute("ANALYZE outbox");

        Waiting waiting = read(OutboxTable.DEFAULT, AfterDelivery.DELETE, NO_SLOT)
                .waiting()
                .orElseThrow();

        assertThat(waiting.estimated()).isTrue();
        assertThat(waiting.rows()).isBetween(140_000L, 160_000L);
    }

    @Test
    void rowsThatAreMarkedDoNotWait() throws SQLException {
        insert(5, "now()");
        database.execute(SchemaScript.MARK.sql());
        database.execute("UPDATE outbox SET delivered_at = now() WHERE seq <= 3");

        assertThat(read(OutboxTable.DEFAULT, AfterDelivery.of(Action.MARK), NO_SLOT)
                        .waiting()
                        .orElseThrow()
                        .rows())
                .isEqualTo(2);
    }

    @ParameterizedTest
    @EnumSource(names = {"KEEP", "DROP_PARTITION"})
    void aTableThatCannotTellWhatIsUnsentIsNotAsked(Action action) throws SQLException {
        assertThat(read(OutboxTable.DEFAULT, AfterDelivery.of(action), Optional.of("any"))
                        .waiting())
                .isEmpty();
    }

    @Test
    void aTableWithoutSeqTellsTheSame() throws SQLException {
        insert(2, "now() - interval '2 minutes'");
        insert(2, "now()");
        OutboxColumns columns = new OutboxColumns(
                "id",
                "aggregate_type",
                "aggregate_id",
                "type",
                "payload",
                Optional.empty(),
                Optional.of("created_at"),
                Optional.empty());

        Waiting waiting = read(new OutboxTable("public", "outbox", columns), AfterDelivery.DELETE, NO_SLOT)
                .waiting()
                .orElseThrow();

        assertThat(waiting.rows()).isEqualTo(4);
        assertThat(waiting.oldest().orElseThrow()).isBetween(Duration.ofMinutes(2), LIMIT);
    }

    @Test
    void aTimeWithoutAZoneIsUtc() throws SQLException {
        database.execute("ALTER TABLE outbox ALTER created_at TYPE timestamp USING created_at AT TIME ZONE 'UTC'");
        insert(1, "(now() - interval '1 minute') AT TIME ZONE 'UTC'");
        insert(1, "'infinity'");

        assertThat(read(OutboxTable.DEFAULT, AfterDelivery.DELETE, NO_SLOT)
                        .waiting()
                        .orElseThrow()
                        .oldest()
                        .orElseThrow())
                .isBetween(Duration.ofMinutes(1), LIMIT);
    }

    @Test
    void withoutTheRightToReadTheTableTheRestIsTold() throws SQLException {
        database.execute("REVOKE SELECT ON outbox FROM " + role);

        OutboxFigures figures = read(OutboxTable.DEFAULT, AfterDelivery.DELETE, Optional.of("not_there"));

        assertThat(figures.waiting()).isEmpty();
        assertThat(figures.slot()).contains(new Slot("not_there", false, Slot.MISSING, 0, 0));
    }

    @Test
    void theSlotTellsHowFarBehindItIs() throws SQLException {
        String slot = "figures_" + database.address().name();
        database.execute("SELECT pg_create_logical_replication_slot('" + slot + "', 'pgoutput')");
        insert(1_000, "now()");

        Slot found = read(OutboxTable.DEFAULT, AfterDelivery.DELETE, Optional.of(slot))
                .slot()
                .orElseThrow();

        assertThat(found.active()).isFalse();
        assertThat(found.walStatus()).isEqualTo("reserved");
        assertThat(found.isUsable()).isTrue();
        assertThat(found.lagBytes()).isBetween(50_000L, found.retainedBytes());
    }

    @Test
    void whatIsPutAsideIsCounted() throws SQLException {
        database.execute(SchemaScript.DEAD_LETTER.sql());
        database.execute("GRANT SELECT ON outbox_dead_letter TO " + role);
        database.execute("INSERT INTO outbox_dead_letter (outbox, name, aggregate_type, aggregate_id, occurred_at,"
                + " position, destination, parked, reason, kind, attempts)"
                + " SELECT 'public.outbox', n::text, 'order', (n / 2)::text, now(), '0/1', 't', n >= 4, 'r', 'k', 1"
                + " FROM generate_series(0, 9) AS n");

        assertThat(read(OutboxTable.DEFAULT, AfterDelivery.DELETE, NO_SLOT).deadLetters())
                .contains(new DeadLetters(10, 3));
    }

    @Test
    void whoReadsAloneLeads() throws SQLException {
        try (Lease lease = Lease.open(database.address(role, "relay"), Duration.ofMinutes(1))) {
            lease.tryLock(Lease.Key.ofReaders(OutboxTable.DEFAULT));

            OutboxFigures.Readers readers = read(OutboxTable.DEFAULT, AfterDelivery.DELETE, NO_SLOT)
                    .readers()
                    .orElseThrow();

            assertThat(readers.all()).hasSize(1);
            assertThat(readers.leader().orElseThrow().pid()).isEqualTo(lease.backend());
        }
    }

    @Test
    void ofSeveralWhoReadOneLeads() throws SQLException {
        try (Lease first = Lease.open(database.address(role, "relay"), Duration.ofMinutes(1));
                Lease second = Lease.open(database.address(role, "relay"), Duration.ofMinutes(1))) {
            first.tryLockShared(Lease.Key.ofReaders(OutboxTable.DEFAULT));
            second.tryLockShared(Lease.Key.ofReaders(OutboxTable.DEFAULT));
            assertThat(read(OutboxTable.DEFAULT, AfterDelivery.DELETE, NO_SLOT)
                            .readers()
                            .orElseThrow()
                            .leader())
                    .isEmpty();

            second.tryLock(Lease.Key.ofLeader(OutboxTable.DEFAULT));

            OutboxFigures.Readers readers = read(OutboxTable.DEFAULT, AfterDelivery.DELETE, NO_SLOT)
                    .readers()
                    .orElseThrow();
            assertThat(readers.all()).hasSize(2);
            assertThat(readers.leader().orElseThrow().pid()).isEqualTo(second.backend());
        }
    }

    @Test
    void aTableThatIsLockedCostsOnlyWhatItTells() throws SQLException {
        try (Connection connection = database.connect();
                Statement statement = connection.createStatement()) {
            connection.setAutoCommit(false);
            statement.execute("LOCK TABLE outbox");

            OutboxFigures figures = read(OutboxTable.DEFAULT, AfterDelivery.DELETE, Optional.of("not_there"));

            assertThat(figures.waiting()).isEmpty();
            assertThat(figures.readers()).isPresent();
            connection.rollback();
        }
    }

    @Test
    void aDatabaseThatCannotBeAskedIsNamed() {
        OutboxDatabase nowhere = new OutboxDatabase(
                database.address(),
                OutboxTable.DEFAULT,
                AfterDelivery.DELETE,
                database.dataSource("nobody_" + role, "x"));

        assertThatThrownBy(() -> new FiguresReader(nowhere, NO_SLOT).read()).isInstanceOf(SQLException.class);
    }

    private void insert(int rows, String createdAt) throws SQLException {
        database.execute("INSERT INTO outbox (aggregate_type, aggregate_id, type, payload, created_at)"
                + " SELECT 'order', n::text, 'placed', '{}', " + createdAt + " FROM generate_series(1, " + rows
                + ") AS n");
    }

    /** As the relay's role. */
    private OutboxFigures read(OutboxTable table, AfterDelivery afterDelivery, Optional<String> slot)
            throws SQLException {
        return new FiguresReader(
                        new OutboxDatabase(
                                database.address(role, "relay"),
                                table,
                                afterDelivery,
                                database.dataSource(role, "relay")),
                        slot)
                .read();
    }
}
