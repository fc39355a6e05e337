package io.outboxrelay.source.polling;

import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.ServiceLoader;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Supplier;
import java.util.stream.IntStream;

import io.outboxrelay.api.AfterDelivery;
import io.outboxrelay.api.DatabaseAddress;
import io.outboxrelay.api.EventHandler;
import io.outboxrelay.api.Finding;
import io.outboxrelay.api.OutboxDatabase;
import io.outboxrelay.api.OutboxEvent;
import io.outboxrelay.api.OutboxSource;
import io.outboxrelay.api.SourceBusyException;
import io.outboxrelay.api.SourceProvider;
import io.outboxrelay.schema.SchemaScript;
import io.outboxrelay.testkit.OutboxFixture;
import io.outboxrelay.testkit.PostgresServer;
import io.outboxrelay.testkit.RecordingHandler;
import io.outboxrelay.testkit.RunningSource;
import org.awaitility.Awaitility;
import org.awaitility.core.ConditionFactory;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.postgresql.ds.PGSimpleDataSource;

import static org.assertj.core.api.Assertions.assertThat;

/** What is polling's own; the rest is in the contract. */
class PollingSourceTest {

    private static final Duration LIMIT = Duration.ofSeconds(60);
    private static final Map<String, Object> QUICK = Map.of("max-poll-interval", "100ms", "lease", "5s");

    private final List<AutoCloseable> opened = new ArrayList<>();

    @AfterEach
    void closeAll() throws Exception {
        for (int i = opened.size() - 1; i >= 0; i--) {
            opened.get(i).close();
        }
    }

    @Test
    void itIsFoundByItsType() {
        assertThat(ServiceLoader.load(SourceProvider.class).stream()
                        .map(provider -> provider.get().type()))
                .contains("polling");
    }

    @Test
    void itPollsAsTheRoleWithTheFewestRights() throws Exception {
        PostgresServer server = use(PostgresServer.start(Map.of("wal_level", "minimal", "max_wal_senders", "0")));
        OutboxFixture outbox = OutboxFixture.create(server.createDatabase());
        outbox.execute("DROP TABLE outbox_relay_checkpoint, outbox_relay_partition, outbox_relay_request;"
                + " DROP PUBLICATION outbox_relay;" + SchemaScript.POLLING_ROLE.sql()
                + "; ALTER ROLE outbox_relay PASSWORD 'secret'");
        DatabaseAddress address = outbox.database().address("outbox_relay", "secret");
        PGSimpleDataSource pool = new PGSimpleDataSource();
        pool.setServerNames(new String[] {address.host()});
        pool.setPortNumbers(new int[] {address.port()});
        pool.setDatabaseName(address.name());
        pool.setUser(address.user());
        pool.setPassword(address.password());
        OutboxDatabase database = new OutboxDatabase(address, outbox.outbox().table(), AfterDelivery.DELETE, pool);
        assertThat(Sources.factory(QUICK).check(database))
                .extracting(Finding::level)
                .doesNotContain(Finding.Level.ERROR);
        RecordingHandler handler = RecordingHandler.settlingAtOnce();
        RunningSource run = start(() -> Sources.factory(QUICK).open(database), handler);
        outbox.insert("a", 3);

        await("the rows").until(() -> handler.count() == 3);

        assertThat(run.stop(LIMIT)).isTrue();
        assertThat(outbox.query("SELECT count(*) FROM outbox")).isEqualTo("0");
        run.close();
    }

    @Test
    void aRowThatDrewItsNumberFirstAndCommitsLastIsHandedOver() throws Exception {
        OutboxFixture outbox = outbox();
        RecordingHandler handler = RecordingHandler.settlingAtOnce();
        start(outbox, handler, QUICK);

        try (Connection connection = outbox.database().connect();
                Statement statement = connection.createStatement()) {
            connection.setAutoCommit(false);
            statement.execute(insert("late", "late"));
            outbox.insert("a", 10);
            await("the others").until(() -> handler.count() == 10);
            outbox.insert("b", 10);
            await("the others").until(() -> handler.count() == 20);
            connection.commit();
        }

        await("the late one").until(() -> handler.count() == 21);
        assertThat(handler.events().get(20).type()).isEqualTo("late");
    }

    @Test
    void aRowIsNotHandedOverBeforeAnOlderOneOfItsAggregateThatCommittedLate() throws Exception {
        OutboxFixture outbox = outbox();
        RecordingHandler handler = RecordingHandler.holdingBack(1);
        start(outbox, handler, QUICK);
        for (int round = 0; round < 20; round++) {
            try (Connection connection = outbox.database().connect();
                    Statement statement = connection.createStatement()) {
                connection.setAutoCommit(false);
                statement.execute(insert("x", round + "-older"));
                outbox.execute(insert("y", "in between"));
                int batches = handler.batches();
                await("the row in between, after which there is no room").until(() -> handler.count() % 3 == 1);
                connection.commit();
                outbox.execute(insert("x", round + "-newer"));
                handler.settle(Math.max(batches, handler.batches()) - 1);
            }
            long all = 3L * (round + 1);
            await("all").until(() -> {
                handler.settle(handler.batches() - 1);
                return handler.count() == all;
            });
            handler.settle(handler.batches() - 1);
        }
        assertThat(handler.events().stream()
                        .filter(event -> event.aggregateId().equals("x"))
                        .map(OutboxEvent::type))
                .containsExactlyElementsOf(IntStream.range(0, 40)
                        .mapToObj(n -> n / 2 + (n % 2 == 0 ? "-older" : "-newer"))
                        .toList());
    }

    @Test
    void aNumberThatWasDrawnByAnEarlierStatementIsHandedOverToo() throws Exception {
        OutboxFixture outbox = outbox();
        RecordingHandler handler = RecordingHandler.settlingAtOnce();
        start(outbox, handler, QUICK);
        try (Connection connection = outbox.database().connect();
                Statement statement = connection.createStatement()) {
            statement.execute("CREATE TABLE drawn AS SELECT nextval('outbox_seq_seq') AS seq");
            outbox.insert("a", 10);
            await("the others").until(() -> handler.count() == 10);
            outbox.insert("b", 1);
            await("the others").until(() -> handler.count() == 11);

            statement.execute("INSERT INTO outbox (seq, type) SELECT seq, 'below' FROM drawn");
        }

        await("the row below the horizon").until(() -> handler.count() == 12);
    }

    @Test
    void fourShardsKeepTheOrderOfEachAggregate() throws Exception {
        OutboxFixture outbox = outbox();
        LaneHandler handler = new LaneHandler();
        start(outbox, handler, Map.of("shards", 4, "max-batch-rows", 50, "max-poll-interval", "100ms"));

        write(outbox, 4, 200);

        await("all rows").until(() -> handler.count() == 800);
        handler.assertInOrder();
        assertThat(handler.lanes()).isEqualTo(4);
        await("the table to be empty")
                .until(() -> outbox.query("SELECT count(*) FROM outbox").equals("0"));
    }

    @Test
    void twoProcessesShareTheShardsAndOneTakesOverFromAnotherThatLostItsSession() throws Exception {
        OutboxFixture outbox = outbox();
        Map<String, Object> settings = Map.of("shards", 4, "max-poll-interval", "100ms", "lease", "5s");
        LaneHandler handler = new LaneHandler();
        RunningSource first = start(outbox, handler, settings);
        await("one to read all shards").until(() -> shares(outbox).equals("4"));
        RunningSource second = use(RunningSource.start(Sources.open(outbox, settings), handler));
        await("both to share them").until(() -> shares(outbox).equals("2,2"));
        write(outbox, 4, 50);
        await("all rows").until(() -> handler.count() == 200);

        outbox.execute(
                "SELECT pg_terminate_backend(min(pid)) FROM pg_locks WHERE locktype = 'advisory'"
                        + " AND mode = 'ExclusiveLock' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())");

        await("one to fail").until(() -> !first.isRunning() || !second.isRunning());
        assertThat((first.isRunning() ? second : first).awaitFailure(LIMIT)).isInstanceOf(SQLException.class);
        await("the other to read all shards").until(() -> shares(outbox).equals("4"));
        write(outbox, 4, 50);
        await("all rows").until(() -> handler.count() >= 400);
        handler.assertInOrder();
    }

    @Test
    void aProcessWithAnotherNumberOfShardsIsToldSo() throws Exception {
        OutboxFixture outbox = outbox();
        RunningSource first = start(outbox, RecordingHandler.settlingAtOnce(), QUICK);

        RunningSource other =
                use(RunningSource.start(Sources.open(outbox, Map.of("shards", 2)), RecordingHandler.settlingAtOnce()));

        assertThat(other.awaitFailure(LIMIT))
                .isInstanceOf(SourceBusyException.class)
                .hasMessageContaining("is read in 1 shards by backend")
                .hasMessageContaining("this relay is set to 2");
        first.close();
        start(outbox, new LaneHandler(), Map.of("shards", 2));
    }

    @Test
    void aNotificationWakesIt() throws Exception {
        OutboxFixture outbox = outbox();
        outbox.execute(SchemaScript.NOTIFY.sql());
        RecordingHandler handler = RecordingHandler.settlingAtOnce();
        start(
                outbox,
                handler,
                Map.of("max-poll-interval", "30s", "min-poll-interval", "1s", "notify", Map.of("enabled", true)));
        long began = System.nanoTime();
        await("it to be idle, for more than the sum of its intervals")
                .until(() -> System.nanoTime() - began > Duration.ofSeconds(3).toNanos());

        for (int i = 1; i <= 3; i++) {
            int count = i;
            outbox.insert("a", 1);
            Awaitility.await("the row, long before the next poll")
                    .atMost(Duration.ofSeconds(10))
                    .pollInterval(Duration.ofMillis(5))
                    .until(() -> handler.count() == count);
        }
    }

    @Test
    void anOldSnapshotDoesNotStopIt() throws Exception {
        OutboxFixture outbox = outbox();
        RecordingHandler handler = RecordingHandler.settlingAtOnce();
        try (Connection connection = outbox.database().connect();
                Statement statement = connection.createStatement()) {
            connection.setTransactionIsolation(Connection.TRANSACTION_REPEATABLE_READ);
            connection.setAutoCommit(false);
            statement.execute("SELECT count(*) FROM outbox");
            start(outbox, handler, QUICK);
            for (int i = 1; i <= 20; i++) {
                long count = i * 2000L;
                outbox.insert("a", 2000);
                await("the rows").until(() -> handler.count() == count);
            }
        }
    }

    /** A lease of two minutes is renewed after 48 s. */
    @Test
    void aStopDoesNotWaitForTheNextRenewalOfTheLease() throws Exception {
        OutboxFixture outbox = outbox();
        RecordingHandler handler = RecordingHandler.settlingAtOnce();
        RunningSource run = start(outbox, handler, Map.of("max-poll-interval", "100ms", "lease", "2m", "shards", 2));
        outbox.insert("a", 3);
        await("the rows").until(() -> handler.count() == 3);

        assertThat(run.stop(Duration.ofSeconds(20))).isTrue();
    }

    @Test
    void markedRowsStayAndAreNotHandedOverAgain() throws Exception {
        OutboxFixture outbox = outbox();
        outbox.execute(SchemaScript.MARK.sql());
        AfterDelivery mark = AfterDelivery.of(AfterDelivery.Action.MARK);
        RecordingHandler first = RecordingHandler.settlingAtOnce();
        RunningSource run = start(() -> Sources.factory(QUICK).open(outbox.outbox(mark)), first);
        outbox.insert("a", 100);
        await("the rows").until(() -> first.count() == 100);
        assertThat(run.stop(LIMIT)).isTrue();
        run.close();
        assertThat(outbox.query("SELECT count(*) FROM outbox WHERE delivered_at > now() - interval '1 hour'"))
                .isEqualTo("100");

        RecordingHandler second = RecordingHandler.settlingAtOnce();
        start(() -> Sources.factory(QUICK).open(outbox.outbox(mark)), second);
        outbox.insert("b", 1);

        await("the row").until(() -> second.count() > 0);
        assertThat(second.events()).extracting(OutboxEvent::type).containsExactly("b-1");
    }

    @Test
    void whatIsInADetachedPartitionComesFirst() throws Exception {
        OutboxFixture outbox =
                use(OutboxFixture.createPartitioned(PostgresServer.shared().createDatabase()));
        outbox.insert("old", 3);
        outbox.execute("INSERT INTO outbox_relay_partition SELECT 'public.outbox', 'public.outbox_p1',"
                + " 'outbox_p1'::regclass::oid, pg_current_wal_lsn(); ALTER TABLE outbox DETACH PARTITION outbox_p1;"
                + " SELECT setval('outbox_seq', 10000001)");
        outbox.insert("new", 3);
        RecordingHandler handler = RecordingHandler.settlingAtOnce();
        start(
                () -> Sources.factory(QUICK).open(outbox.outbox(AfterDelivery.of(AfterDelivery.Action.DROP_PARTITION))),
                handler);

        await("the rows").until(() -> handler.count() == 6);
        assertThat(handler.events())
                .extracting(OutboxEvent::type)
                .containsExactly("old-1", "old-2", "old-3", "new-1", "new-2", "new-3");
    }

    @Test
    void theSlotOfARelayThatReadTheLogIsGivenUp() throws Exception {
        OutboxFixture outbox = outbox();
        outbox.execute("SELECT pg_create_logical_replication_slot('" + outbox.slot() + "', 'pgoutput')");
        outbox.execute("INSERT INTO outbox_relay_checkpoint SELECT 'public.outbox', '" + outbox.slot()
                + "', system_identifier, 1, '0/1', 'streaming' FROM pg_control_system()");
        RecordingHandler handler = RecordingHandler.settlingAtOnce();

        start(outbox, handler, QUICK);

        assertThat(outbox.query("SELECT count(*) FROM pg_replication_slots WHERE slot_name = '" + outbox.slot() + "'"))
                .isEqualTo("0");
        assertThat(outbox.query("SELECT phase FROM outbox_relay_checkpoint")).isEqualTo("handover");
    }

    @Test
    void keptRowsAreNotPolled() throws Exception {
        OutboxFixture outbox = outbox();

        RunningSource run = use(RunningSource.start(
                Sources.factory(QUICK).open(outbox.outbox(AfterDelivery.of(AfterDelivery.Action.KEEP))),
                RecordingHandler.settlingAtOnce()));

        assertThat(run.awaitFailure(LIMIT)).hasMessageContaining("after-delivery = keep");
    }

    @Test
    void itIsCaughtUpWhenItHasReadAllThereIs() throws Exception {
        OutboxFixture outbox = outbox();
        outbox.insert("a", 5000);
        RecordingHandler handler = RecordingHandler.holdingBack(1);
        OutboxSource source = Sources.open(outbox, QUICK);
        start(() -> source, handler);
        await("the first batch").until(() -> handler.batches() == 1);
        assertThat(source.status().caughtUp()).isFalse();

        handler.settleAll();

        await("the end").until(() -> source.status().caughtUp());
        await("the cleanup").until(() -> source.status().removed() == 5000);
        assertThat(source.status().log()).isEmpty();
    }

    @Test
    void itsSessionsMayBeKilledAndTheNextRunGoesOn() throws Exception {
        OutboxFixture outbox = outbox();
        RecordingHandler first = RecordingHandler.holdingBack();
        RunningSource run = start(outbox, first, QUICK);
        outbox.insert("a", 10);
        await("the rows").until(() -> first.count() == 10);

        PostgresServer.shared()
                .terminateBackends("datname = '" + outbox.database().address().name() + "'");

        assertThat(run.awaitFailure(LIMIT)).isInstanceOf(SQLException.class);
        RecordingHandler second = RecordingHandler.settlingAtOnce();
        start(outbox, second, QUICK);
        await("the rows").until(() -> second.count() == 10);
        assertThat(second.events())
                .extracting(OutboxEvent::type)
                .containsExactlyElementsOf(
                        first.events().stream().map(OutboxEvent::type).toList());
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aRestartedServerEndsTheRunAndTheNextOneGoesOn(boolean killed) throws Exception {
        PostgresServer server = use(PostgresServer.start());
        OutboxFixture outbox = OutboxFixture.create(server.createDatabase());
        RecordingHandler first = RecordingHandler.holdingBack();
        RunningSource run = start(outbox, first, QUICK);
        outbox.insert("a", 10);
        await("the rows").until(() -> first.count() == 10);

        if (killed) {
            server.kill();
        } else {
            server.stop();
        }

        assertThat(run.awaitFailure(LIMIT)).isInstanceOf(SQLException.class);
        server.restart();
        outbox.insert("b", 10);
        RecordingHandler second = RecordingHandler.settlingAtOnce();
        RunningSource next = start(outbox, second, QUICK);
        await("the rows").until(() -> second.count() == 20);
        assertThat(second.events().get(0).type()).isEqualTo("a-1");
        next.close();
    }

    @Test
    void anIdleOutboxCostsLessThanAQueryPerSecond() throws Exception {
        // The server's own transactions would be counted too.
        PostgresServer server = use(PostgresServer.start(Map.of("autovacuum", "off")));
        OutboxFixture outbox = OutboxFixture.create(server.createDatabase());
        RunningSource run = start(outbox, new LaneHandler(), Map.of("shards", 4));
        outbox.insert("a", 10);
        long began = System.nanoTime();
        await("it to be idle, for more than the sum of its intervals")
                .until(() -> System.nanoTime() - began > Duration.ofSeconds(8).toNanos());
        long before = transactions(outbox);
        long measured = System.nanoTime();
        await("some seconds of idleness")
                .until(() ->
                        System.nanoTime() - measured > Duration.ofSeconds(20).toNanos());

        long queries = transactions(outbox) - before - 1;
        double seconds = (System.nanoTime() - measured) / 1e9;

        // The relay's lock makes another one in four seconds.
        assertThat(queries / seconds).isLessThanOrEqualTo(0.7);
        run.close();
    }

    private static long transactions(OutboxFixture outbox) throws SQLException {
        return Long.parseLong(
                outbox.query("SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()"));
    }

    private static void write(OutboxFixture outbox, int writers, int rows) throws Exception {
        ExecutorService threads = Executors.newFixedThreadPool(writers);
        try {
            List<Future<?>> done = new ArrayList<>();
            for (int writer = 0; writer < writers; writer++) {
                done.add(threads.submit(() -> {
                    try (Connection connection = outbox.database().connect();
                            Statement statement = connection.createStatement()) {
                        for (int i = 0; i < rows; i++) {
                            statement.execute("WITH bumped AS (INSERT INTO last VALUES ('a" + i % 10
                                    + "', 1) ON CONFLICT (id) DO UPDATE SET type = last.type + 1 RETURNING id, type)"
                                    + " INSERT INTO outbox (aggregate_type, aggregate_id, type)"
                                    + " SELECT 't', id, type FROM bumped");
                        }
                    }
                    return null;
                }));
            }
            for (Future<?> writer : done) {
                writer.get();
            }
        } finally {
            threads.shutdownNow();
        }
    }

    /** How many shards each process reads, the fewest first. Beside their locks each holds one that tells that it lives. */
    private static String shares(OutboxFixture outbox) throws SQLException {
        return outbox.query(
                "SELECT coalesce(string_agg(n::text, ',' ORDER BY n), '') FROM (SELECT count(*) - 1 AS n FROM pg_locks"
                        + " WHERE locktype = 'advisory' AND mode = 'ExclusiveLock' AND objsubid = 1 AND database ="
                        + " (SELECT oid FROM pg_database WHERE datname = current_database()) GROUP BY pid HAVING count(*) > 1) AS held");
    }

    private OutboxFixture outbox() throws SQLException {
        OutboxFixture outbox = use(OutboxFixture.create(PostgresServer.shared().createDatabase()));
        outbox.execute("CREATE TABLE last (id text PRIMARY KEY, type bigint)");
        return outbox;
    }

    private RunningSource start(OutboxFixture outbox, EventHandler handler, Map<String, Object> settings) {
        return start(() -> Sources.open(outbox, settings), handler);
    }

    /** Again, while the server has not seen the run before it leave. */
    private RunningSource start(Supplier<OutboxSource> source, EventHandler handler) {
        long began = System.nanoTime();
        while (true) {
            RunningSource run = use(RunningSource.start(source.get(), handler));
            await("the source to read")
                    .until(() -> !run.isRunning()
                            || (handler instanceof RecordingHandler one
                                    ? one.isStreaming()
                                    : ((LaneHandler) handler).isStreaming()));
            if (run.isRunning()) {
                return run;
            }
            assertThat(failure(run)).isInstanceOf(SourceBusyException.class);
            assertThat(System.nanoTime() - began).isLessThan(LIMIT.toNanos());
        }
    }

    private static Throwable failure(RunningSource run) {
        try {
            return run.awaitFailure(LIMIT);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    private static String insert(String aggregate, String type) {
        return "INSERT INTO outbox (aggregate_type, aggregate_id, type, payload) VALUES ('order', '" + aggregate
                + "', '" + type + "', '{}')";
    }

    private <T extends AutoCloseable> T use(T resource) {
        opened.add(resource);
        return resource;
    }

    private static ConditionFactory await(String reason) {
        return Awaitility.await(reason)
                .atMost(LIMIT)
                .pollInterval(Duration.ofMillis(10))
                .pollInSameThread();
    }
}
