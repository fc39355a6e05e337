package io.outboxrelay.source.debezium;

import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;

import io.outboxrelay.api.OutboxEvent;
import io.outboxrelay.api.OutboxSource;
import io.outboxrelay.api.PositionLostException;
import io.outboxrelay.api.SourceFactory;
import io.outboxrelay.testkit.OutboxFixture;
import io.outboxrelay.testkit.PostgresServer;
import io.outboxrelay.testkit.RecordingHandler;
import io.outboxrelay.testkit.RunningSource;
import org.awaitility.Awaitility;
import org.awaitility.core.ConditionFactory;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

/** A standby takes over from its primary, which dies. What counts is what the new primary has. */
class FailoverTest {

    private static final Duration LIMIT = Duration.ofSeconds(60);
    private static final int AGGREGATES = 5;

    private final RecordingHandler before = RecordingHandler.settlingAtOnce();
    private final RecordingHandler after = RecordingHandler.settlingAtOnce();
    private final List<AutoCloseable> opened = new ArrayList<>();

    private PostgresServer primary;
    private PostgresServer standby;
    private OutboxFixture outbox;
    private OutboxFixture copy;
    private final AtomicInteger rounds = new AtomicInteger();

    @BeforeEach
    void start() throws SQLException {
        assumeThat(System.getProperty("test.servers", "embedded")).isEqualTo("embedded");
        primary = use(PostgresServer.start());
        outbox = OutboxFixture.create(primary.createDatabase());
        outbox.execute("CREATE TABLE truth (n bigint GENERATED ALWAYS AS IDENTITY, aggregate text, event text)");
        standby = use(primary.startStandby());
        copy = outbox.in(standby.databaseOf(outbox.database()));
    }

    @AfterEach
    void closeAll() throws Exception {
        for (int i = opened.size() - 1; i >= 0; i--) {
            opened.get(i).close();
        }
    }

    @Test
    void withAFailoverSlotTheNewPrimaryGoesOnWhereTheOldOneWas() throws Exception {
        assumeThat(primary.version()).isGreaterThanOrEqualTo(17);
        Map<String, Object> settings = Map.of("failover", true, "heartbeat-interval", "100ms");
        RunningSource run = use(RunningSource.start(Sources.open(outbox, settings), before));
        await("the source to stream").until(before::isStreaming);
        awaitCopiedSlot();
        CompletableFuture<Throwable> writer = CompletableFuture.supplyAsync(this::commitUntilTheServerIsGone);
        await("events in the middle of which the primary dies").until(() -> before.count() > 1_000);
        primary.kill();
        run.awaitFailure(LIMIT);
        assertThat(writer.join()).isInstanceOf(SQLException.class);

        standby.promote();
        use(RunningSource.start(Sources.open(copy, settings), after));
        await("the source to stream from the new primary").until(after::isStreaming);

        commitOn(copy, 10);
        awaitNothingLost();
        requireOrder();
        // The old primary sent nothing before the standby had it, so nobody has heard of what is lost with it.
        assertThat(truth()).containsAll(types(before));
    }

    @Test
    void withoutOneTheGapIsNamedAndTheTableHealsIt() throws Exception {
        Map<String, Object> settings = Map.of("heartbeat-interval", "100ms");
        RunningSource run = use(RunningSource.start(Sources.open(outbox, settings), before));
        await("the source to stream").until(before::isStreaming);
        commit(20);
        run.close();
        commit(20);
        await("the standby to have it all").until(() -> truth(copy).size() == rounds.get() * AGGREGATES);
        primary.kill();
        standby.promote();
        SourceFactory factory = Sources.factory(copy, settings);
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
                .untilAsserted(() -> assertThat(handedOver()).containsAll(expected));
    }

    private void requireOrder() throws SQLException {
        Set<String> kept = truth();
        List<String> firsts = handedOver().stream().filter(kept::contains).toList();
        for (int n = 1; n <= AGGREGATES; n++) {
            String aggregate = "a" + n + "-";
            assertThat(firsts.stream()
                            .filter(event -> event.startsWith(aggregate))
                            .map(event -> Integer.valueOf(event.substring(aggregate.length()))))
                    .isSorted();
        }
    }

    /** Each event once, at the place where it came first. */
    private Set<String> handedOver() {
        Set<String> firsts = new LinkedHashSet<>(types(before));
        firsts.addAll(types(after));
        return firsts;
    }

    private static List<String> types(RecordingHandler handler) {
        return handler.events().stream().map(OutboxEvent::type).toList();
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

    private <T extends AutoCloseable> T use(T resource) {
        opened.add(resource);
        return resource;
    }

    private static ConditionFactory await(String reason) {
        return Awaitility.await(reason).atMost(LIMIT).pollInterval(Duration.ofMillis(50));
    }
}
