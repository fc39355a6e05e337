package io.outboxrelay.testkit;

import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;

import io.outboxrelay.api.OutboxSource;
import io.outboxrelay.api.PositionLostException;
import io.outboxrelay.api.SourceFactory;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

/** What a source that reads Postgres' log does when a standby takes over from its primary, which dies. What counts is what the new primary has. */
public abstract class FailoverContract extends LogSourceSuite {

    private static final int AGGREGATES = 5;

    private final RecordingHandler before = RecordingHandler.settlingAtOnce();
    private final RecordingHandler after = RecordingHandler.settlingAtOnce();

    private PostgresServer primary;
    private PostgresServer standby;
    private OutboxFixture outbox;
    private OutboxFixture copy;
    private final AtomicInteger rounds = new AtomicInteger();

    /** For subclasses. */
    protected FailoverContract() {}

    @BeforeEach
    final void startServers() throws SQLException {
        assumeThat(System.getProperty("test.servers", "embedded")).isEqualTo("embedded");
        primary = use(PostgresServer.start());
        outbox = OutboxFixture.create(primary.createDatabase());
        outbox.execute("CREATE TABLE truth (n bigint GENERATED ALWAYS AS IDENTITY, aggregate text, event text)");
        standby = use(primary.startStandby());
        copy = outbox.in(standby.databaseOf(outbox.database()));
    }

    @Test
    void withAFailoverSlotTheNewPrimaryGoesOnWhereTheOldOneWas() throws Exception {
        assumeThat(primary.version()).isGreaterThanOrEqualTo(17);
        Map<String, Object> settings = Map.of("failover", true);
        RunningSource run = use(RunningSource.start(factory(outbox, settings).open(outbox.outbox()), before));
        await("the source to stream").until(before::isStreaming);
        awaitCopiedSlot();
        CompletableFuture<Throwable> writer = CompletableFuture.supplyAsync(this::commitUntilTheServerIsGone);
        await("events in the middle of which the primary dies").until(() -> before.count() > 1_000);
        primary.kill();
        run.awaitFailure(LIMIT);
        assertThat(writer.join()).isInstanceOf(SQLException.class);

        standby.promote();
        use(RunningSource.start(factory(copy, settings).open(copy.outbox()), after));
        await("the source to stream from the new primary").until(after::isStreaming);

        commitOn(copy, 10);
        awaitNothingLost();
        requireOrder();
        // The old primary sent nothing before the standby had it, so nobody has heard of what is lost with it.
        assertThat(truth()).containsAll(types(before));
    }

    @Test
    void withoutOneTheGapIsNamedAndTheTableHealsIt() throws Exception {
        Map<String, Object> settings = Map.of();
        RunningSource run = use(RunningSource.start(factory(outbox, settings).open(outbox.outbox()), before));
        await("the source to stream").until(before::isStreaming);
        commit(20);
        run.close();
        commit(20);
        await("the standby to have it all").until(() -> truth(copy).size() == rounds.get() * AGGREGATES);
        primary.kill();
        standby.promote();
        SourceFactory factory = factory(copy, settings);
        RunningSource gap = use(RunningSource.start(factory.open(copy.outbox()), RecordingHandler.settlingAtOnce()));

        assertThat(gap.awaitFailure(LIMIT))
                .isInstanceOf(PositionLostException.class)
                .hasMessageContaining("is gone");

        assertThat(factory.abandon(copy.outbox())).isEmpty();
        OutboxSource healed = factory.open(copy.outbox());
        healed.prepare();
        use(RunningSource.start(healed, after));
        await("the source to stream from the new primary").until(after::isStreaming);
        commitOn(copy, 10);
        awaitNothingLost();
        requireOrder();
        assertThat(after.count()).isGreaterThanOrEqualTo(30L * AGGREGATES);
    }

    /** One transaction a round: one event of each aggregate, and the truth about it. */
    private void commit(int count) throws SQLException {
        commitOn(outbox, count);
    }

    private void commitOn(OutboxFixture fixture, int count) throws SQLException {
        try (Connection connection = fixture.database().connect();
                Statement statement = connection.createStatement()) {
            for (int i = 0; i < count; i++) {
                int round = rounds.incrementAndGet();
                statement.execute("WITH written AS (INSERT INTO outbox (aggregate_type, aggregate_id, type, payload)"
                        + " SELECT 'order', 'a' || n, 'a' || n || '-" + round + "', '{}'"
                        + " FROM generate_series(1, " + AGGREGATES + ") n RETURNING aggregate_id, type)"
                        + " INSERT INTO truth (aggregate, event) SELECT aggregate_id, type FROM written");
            }
        }
    }

    private Throwable commitUntilTheServerIsGone() {
        try {
            commit(1_000_000);
            return null;
        } catch (SQLException e) {
            return e;
        }
    }

    /** The server copies a slot once the standby is far enough for it, which something must be written for. */
    private void awaitCopiedSlot() {
        await("the standby to have the slot").until(() -> {
            commit(1);
            outbox.execute("SELECT pg_log_standby_snapshot()");
            return "t"
                    .equals(copy.query("SELECT EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = '"
                            + outbox.slot() + "' AND synced AND NOT temporary)"));
        });
    }

    private void awaitNothingLost() throws SQLException {
        Set<String> expected = truth();
        await("every row that the new primary has to be handed over once or more")
                .untilAsserted(() -> assertThat(firsts()).containsAll(expected));
    }

    private void requireOrder() throws SQLException {
        Set<String> kept = truth();
        List<String> firsts = firsts().stream().filter(kept::contains).toList();
        for (int n = 1; n <= AGGREGATES; n++) {
            String aggregate = "a" + n + "-";
            assertThat(firsts.stream()
                            .filter(event -> event.startsWith(aggregate))
                            .map(event -> Integer.valueOf(event.substring(aggregate.length()))))
                    .isSorted();
        }
    }

    /** Each event once, at the place where it came first. */
    private Set<String> firsts() {
        Set<String> firsts = new LinkedHashSet<>(types(before));
        firsts.addAll(types(after));
        return firsts;
    }

    private Set<String> truth() throws SQLException {
        return truth(copy);
    }

    private static Set<String> truth(OutboxFixture fixture) throws SQLException {
        try (Connection connection = fixture.database().connect();
                Statement statement = connection.createStatement();
                ResultSet row = statement.executeQuery("SELECT event FROM truth")) {
            Set<String> events = new TreeSet<>();
            while (row.next()) {
                events.add(row.getString(1));
            }
            return events;
        }
    }
}
