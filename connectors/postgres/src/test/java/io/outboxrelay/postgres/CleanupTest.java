package io.outboxrelay.postgres;

import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.IntConsumer;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import java.util.stream.Stream;

import io.outboxrelay.api.AfterDelivery;
import io.outboxrelay.api.AfterDelivery.Action;
import io.outboxrelay.api.EventHandler;
import io.outboxrelay.api.OutboxEvent;
import io.outboxrelay.schema.OutboxColumns;
import io.outboxrelay.schema.OutboxTable;
import io.outboxrelay.schema.SchemaScript;
import io.outboxrelay.testkit.OutboxFixture;
import io.outboxrelay.testkit.PostgresServer;
import io.outboxrelay.testkit.TestDatabase;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

class CleanupTest {

    private static final Duration LIMIT = Duration.ofSeconds(60);

    private final List<AutoCloseable> opened = new ArrayList<>();

    @AfterEach
    void closeAll() throws Exception {
        for (int i = opened.size() - 1; i >= 0; i--) {
            opened.get(i).close();
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void deliveredRowsAreDeletedAndNoOthers(boolean partitioned) throws Exception {
        OutboxFixture outbox = partitioned ? partitioned() : outbox();
        outbox.insert("a", 10);
        Cleanup cleanup = use(Cleanup.ofLogReader(outbox.outbox()));

        after(cleanup, delivered(), List.of(1L, 3L, 5L)).toCompletableFuture().join();

        assertThat(left(outbox)).isEqualTo("2,4,6,7,8,9,10");
        assertThat(cleanup.removed()).isEqualTo(3);
    }

    @Test
    void aRowIsDeletedAsSoonAsItIsSettledHoweverLongTheOthersOfItsBatchTake() throws Exception {
        OutboxFixture outbox = outbox();
        outbox.insert("a", 4);
        Cleanup cleanup = use(Cleanup.ofLogReader(outbox.outbox()));
        CompletableFuture<Void> delivery = new CompletableFuture<>();
        AtomicReference<IntConsumer> settle = new AtomicReference<>();
        Set<Integer> gone = ConcurrentHashMap.newKeySet();

        CompletionStage<Void> batch = cleanup.deliver(
                new EventHandler() {
                    @Override
                    public void streaming() {}

                    @Override
                    public boolean awaitRoom(Duration atMost) {
                        return true;
                    }

                    @Override
                    public CompletionStage<Void> deliver(List<OutboxEvent> events, IntConsumer settled) {
                        settle.set(settled);
                        return delivery;
                    }
                },
                events(3),
                Stream.of(1L, 2L, 3L).map(CleanupTest::key).toList(),
                gone::add);
        settle.get().accept(0);
        settle.get().accept(2);

        Awaitility.await("the settled rows to go")
                .atMost(LIMIT)
                .until(() -> left(outbox).equals("2,4"));
        Awaitility.await("the source to be told").atMost(LIMIT).until(() -> gone.equals(Set.of(0, 2)));
        assertThat(batch.toCompletableFuture()).isNotDone();
        settle.get().accept(1);
        delivery.complete(null);
        batch.toCompletableFuture().join();
        assertThat(left(outbox)).isEqualTo("4");
    }

    @Test
    void aRowIsNotTouchedBeforeItsDeliveryHasCompleted() throws Exception {
        OutboxFixture outbox = outbox();
        outbox.insert("a", 3);
        Cleanup cleanup = use(Cleanup.ofLogReader(outbox.outbox()));
        CompletableFuture<Void> delivery = new CompletableFuture<>();

        CompletableFuture<Void> open = after(cleanup, delivery, List.of(1L)).toCompletableFuture();
        CompletableFuture<Void> failed = after(
                        cleanup,
                        CompletableFuture.failedFuture(new IllegalStateException("not delivered")),
                        List.of(2L))
                .toCompletableFuture();
        after(cleanup, delivered(), List.of(3L)).toCompletableFuture().join();

        assertThat(left(outbox)).isEqualTo("1,2");
        assertThat(open).isNotDone();
        assertThat(failed).isCompletedExceptionally();
        delivery.complete(null);
        open.join();
        assertThat(left(outbox)).isEqualTo("2");
    }

    @Test
    void rowsAreGoneWhenTheStageCompletes() throws Exception {
        OutboxFixture outbox = outbox();
        outbox.insert("a", 500);
        Cleanup cleanup = use(Cleanup.ofTableReader(outbox.outbox()));
        for (long seq = 1; seq <= 500; seq += 10) {
            List<Long> keys = LongStream.range(seq, seq + 10).boxed().toList();

            after(cleanup, delivered(), keys).toCompletableFuture().join();

            assertThat(outbox.query("SELECT count(*) FROM outbox WHERE seq < " + (seq + 10)))
                    .isEqualTo("0");
        }
    }

    @Test
    void largeHandOversAreSplitAndSmallOnesCollected() throws Exception {
        OutboxFixture outbox = outbox();
        outbox.insert("a", 1_000);
        outbox.execute("CREATE TABLE statements (n bigint);"
                + "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$"
                + " BEGIN INSERT INTO statements SELECT count(*) FROM gone; RETURN NULL; END $$;"
                + "CREATE TRIGGER note AFTER DELETE ON outbox REFERENCING OLD TABLE AS gone"
                + " FOR EACH STATEMENT EXECUTE FUNCTION note()");
        Cleanup cleanup = use(Cleanup.ofLogReader(outbox.outbox(delete(100, 0))));
        List<CompletableFuture<Void>> stages = new ArrayList<>();

        try (Connection service = outbox.database().connect();
                Statement statement = service.createStatement()) {
            service.setAutoCommit(false);
            // While the first statement waits for it the others gather, however slow this thread is.
            statement.execute("LOCK TABLE outbox");
            stages.add(after(
                            cleanup,
                            delivered(),
                            LongStream.rangeClosed(1, 450).boxed().toList())
                    .toCompletableFuture());
            for (long seq = 451; seq <= 1_000; seq++) {
                stages.add(after(cleanup, delivered(), List.of(seq)).toCompletableFuture());
            }
            service.rollback();
        }
        stages.forEach(CompletableFuture::join);

        assertThat(left(outbox)).isNull();
        assertThat(outbox.query("SELECT max(n) FROM statements")).isEqualTo("100");
        assertThat(Integer.parseInt(outbox.query("SELECT count(*) FROM statements")))
                .isBetween(10, 20);
    }

    @Test
    void atMostSoManyRowsAreDeletedInASecond() throws Exception {
        OutboxFixture outbox = outbox();
        outbox.insert("a", 600);
        Cleanup cleanup = use(Cleanup.ofLogReader(outbox.outbox(delete(2_000, 200))));
        long began = System.nanoTime();

        after(cleanup, delivered(), LongStream.rangeClosed(1, 600).boxed().toList())
                .toCompletableFuture()
                .join();

        // The last tenth of a second's worth is done at once.
        assertThat(Duration.ofNanos(System.nanoTime() - began)).isBetween(Duration.ofMillis(2_800), LIMIT);
    }

    @Test
    void thereIsNoRoomWhileTooManyRowsWait() throws Exception {
        OutboxFixture outbox = outbox();
        Cleanup cleanup = use(Cleanup.ofLogReader(outbox.outbox(delete(10, 0))));
        try (Connection service = outbox.database().connect();
                Statement statement = service.createStatement()) {
            service.setAutoCommit(false);
            statement.execute("LOCK TABLE outbox");

            assertThat(cleanup.awaitRoom(Duration.ZERO)).isTrue();
            CompletableFuture<Void> stage = after(
                            cleanup,
                            delivered(),
                            LongStream.rangeClosed(1, 1_000).boxed().toList())
                    .toCompletableFuture();
            assertThat(cleanup.awaitRoom(Duration.ofMillis(50))).isFalse();
            assertThat(stage).isNotDone();
            service.rollback();
        }
        assertThat(cleanup.awaitRoom(LIMIT)).isTrue();
    }

    @ParameterizedTest
    @ValueSource(strings = {"uuid", "text", "varchar(36)", "char(36)", "bigint"})
    void withoutASequenceRowsAreFoundByTheirIds(String type) throws Exception {
        OutboxTable table = new OutboxTable("Odd schema", "Out\"box", OutboxColumns.DEBEZIUM);
        OutboxFixture outbox = use(OutboxFixture.of(
                database(),
                table,
                "CREATE TABLE \"Odd schema\".\"Out\"\"box\" (id " + type
                        + " PRIMARY KEY, aggregatetype text, aggregateid text, type text, payload jsonb)"));
        boolean number = type.equals("bigint");
        List<String> ids = number
                ? List.of("11", "12", "13")
                : List.of(
                        "b0b1a0e2-0000-0000-0000-000000000001",
                        "b0b1a0e2-0000-0000-0000-000000000002",
                        "b0b1a0e2-0000-0000-0000-000000000003");
        for (String id : ids) {
            outbox.execute("INSERT INTO " + table.quoted() + " (id) VALUES ('" + id + "')");
        }
        Cleanup cleanup = use(Cleanup.ofLogReader(outbox.outbox()));
        List<String> keys = new ArrayList<>(ids.subList(0, 2));
        keys.add(null);

        after(cleanup, delivered(), Collections.unmodifiableList(keys))
                .toCompletableFuture()
                .join();

        assertThat(outbox.query("SELECT string_agg(id::text, ',') FROM " + table.quoted()))
                .isEqualTo(ids.get(2));
    }

    @Test
    void theIndexOfTheIdIsUsed() throws Exception {
        OutboxTable table = new OutboxTable("public", "outbox", OutboxColumns.DEBEZIUM);
        OutboxFixture outbox = use(OutboxFixture.of(
                database(),
                table,
                "CREATE TABLE outbox (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), aggregatetype text,"
                        + " aggregateid text, type text, payload jsonb)"));
        outbox.execute("INSERT INTO outbox (type) SELECT 'x' FROM generate_series(1, 5000); ANALYZE outbox");
        Cleanup cleanup = use(Cleanup.ofLogReader(outbox.outbox()));
        for (int i = 0; i < 10; i++) {
            String id = outbox.query("SELECT id FROM outbox LIMIT 1");

            after(cleanup, delivered(), List.of(id)).toCompletableFuture().join();
        }

        Awaitility.await("the server's statistics")
                .atMost(LIMIT)
                .until(() -> Integer.parseInt(
                                outbox.query("SELECT idx_scan FROM pg_stat_user_tables WHERE relname = 'outbox'"))
                        >= 10);
    }

    @Test
    void deliveredRowsAreMarkedOnceAndStay() throws Exception {
        OutboxFixture outbox = outbox();
        outbox.execute("ALTER TABLE outbox ADD delivered_at timestamptz");
        outbox.insert("a", 3);
        Cleanup cleanup = use(Cleanup.ofLogReader(outbox.outbox(AfterDelivery.of(Action.MARK))));

        after(cleanup, delivered(), List.of(1L, 2L)).toCompletableFuture().join();
        String marked = outbox.query("SELECT string_agg(delivered_at::text, ',' ORDER BY seq) FROM outbox");
        after(cleanup, delivered(), List.of(1L, 2L)).toCompletableFuture().join();

        assertThat(outbox.query("SELECT string_agg(delivered_at::text, ',' ORDER BY seq) FROM outbox"))
                .isEqualTo(marked);
        assertThat(outbox.query("SELECT string_agg(seq::text, ',') FROM outbox WHERE delivered_at IS NULL"))
                .isEqualTo("3");
        assertThat(cleanup.removed()).isEqualTo(2);
    }

    @ParameterizedTest
    @EnumSource(
            value = Action.class,
            names = {"KEEP", "DROP_PARTITION"})
    void aReaderOfTheLogLeavesThemWhereTheyStay(Action action) throws Exception {
        OutboxFixture outbox = outbox();
        outbox.insert("a", 2);
        Cleanup cleanup = use(Cleanup.ofLogReader(outbox.outbox(AfterDelivery.of(action))));
        CompletableFuture<Void> delivery = delivered();

        assertThat(after(cleanup, delivery, List.of(1L)).toCompletableFuture()).isDone();

        assertThat(cleanup.isNeeded()).isFalse();
        assertThat(left(outbox)).isEqualTo("1,2");
    }

    @Test
    void aReaderOfTheTableDeletesThemAlsoWherePartitionsAreDropped() throws Exception {
        OutboxFixture outbox = outbox();
        outbox.insert("a", 2);
        Cleanup cleanup = use(Cleanup.ofTableReader(outbox.outbox(AfterDelivery.of(Action.DROP_PARTITION))));

        after(cleanup, delivered(), List.of(1L)).toCompletableFuture().join();

        assertThat(left(outbox)).isEqualTo("2");
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void theServerFlushesWhatAReaderOfTheTableDeletes(boolean ofTable) throws Exception {
        OutboxFixture outbox = outbox();
        outbox.execute("CREATE TABLE noted (setting text);"
                + "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
                + " INSERT INTO noted VALUES (current_setting('synchronous_commit')); RETURN NULL; END $$;"
                + "CREATE TRIGGER note AFTER DELETE ON outbox FOR EACH STATEMENT EXECUTE FUNCTION note()");
        outbox.insert("a", 1);
        Cleanup cleanup = use(ofTable ? Cleanup.ofTableReader(outbox.outbox()) : Cleanup.ofLogReader(outbox.outbox()));

        after(cleanup, delivered(), List.of(1L)).toCompletableFuture().join();

        assertThat(outbox.query("SELECT setting FROM noted")).isEqualTo(ofTable ? "on" : "off");
    }

    @Test
    void aStatementThatFailsForAMomentIsTriedAgain() throws Exception {
        OutboxFixture outbox = outbox();
        outbox.insert("a", 1);
        outbox.execute(
                "CREATE SEQUENCE tries; CREATE FUNCTION fail_twice() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
                        + " IF nextval('tries') < 3 THEN RAISE EXCEPTION 'not yet'; END IF; RETURN NULL; END $$;"
                        + "CREATE TRIGGER fail_twice BEFORE DELETE ON outbox FOR EACH STATEMENT EXECUTE FUNCTION fail_twice()");
        Cleanup cleanup = use(Cleanup.ofLogReader(outbox.outbox()));

        after(cleanup, delivered(), List.of(1L)).toCompletableFuture().join();

        assertThat(outbox.query("SELECT last_value FROM tries")).isEqualTo("3");

        assertThat(left(outbox)).isNull();
        assertThat(cleanup.failure()).isEmpty();
    }

    @Test
    void aStatementThatFailsForGoodFailsEveryStageAndLosesNothing() throws Exception {
        OutboxFixture outbox = outbox();
        outbox.insert("a", 2);
        outbox.execute("ALTER TABLE outbox RENAME seq TO other");
        Cleanup cleanup = use(Cleanup.ofLogReader(outbox.outbox()));

        CompletableFuture<Void> stage = after(cleanup, delivered(), List.of(1L)).toCompletableFuture();

        assertThatExceptionOfType(CompletionException.class)
                .isThrownBy(stage::join)
                .withCauseInstanceOf(SQLException.class)
                .withMessageContaining("settled rows of public.outbox could not be deleted")
                .withMessageContaining("no column seq");
        assertThat(cleanup.failure()).isPresent();
        assertThat(after(cleanup, delivered(), List.of(2L)).toCompletableFuture())
                .isCompletedExceptionally();
        assertThat(outbox.query("SELECT count(*) FROM outbox")).isEqualTo("2");
    }

    @Test
    void closingWaitsForTheStatementThatRunsAndRefusesTheRest() throws Exception {
        OutboxFixture outbox = outbox();
        outbox.insert("a", 2);
        Cleanup cleanup = use(Cleanup.ofLogReader(outbox.outbox(delete(1, 0))));
        CompletableFuture<Void> running;
        CompletableFuture<Void> next;
        Thread closing = new Thread(cleanup::close);
        try (Connection service = outbox.database().connect();
                Statement statement = service.createStatement()) {
            service.setAutoCommit(false);
            statement.execute("LOCK TABLE outbox");
            running = after(cleanup, delivered(), List.of(1L)).toCompletableFuture();
            next = after(cleanup, delivered(), List.of(2L)).toCompletableFuture();
            Awaitility.await("the delete to wait for the lock")
                    .atMost(LIMIT)
                    .until(() -> outbox.query("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
                                    + " AND datname = current_database()")
                            .equals("1"));

            closing.start();
            closing.join(200);

            assertThat(closing.isAlive()).isTrue();
            service.rollback();
        }
        closing.join(LIMIT.toMillis());
        assertThat(running).isCompleted();
        assertThat(next).isCompletedExceptionally();
        assertThat(left(outbox)).isEqualTo("2");
        assertThat(cleanup.failure()).isEmpty();
        assertThat(after(cleanup, delivered(), List.of(2L)).toCompletableFuture())
                .isCompletedExceptionally();
    }

    @Test
    void aRowThatTheLogTellsOfBeforeOthersSeeItIsNotLeftBehind() throws Exception {
        OutboxFixture outbox = outbox();
        Cleanup cleanup = use(Cleanup.ofLogReader(outbox.outbox()));
        CompletableFuture<Void> removed;
        try (Connection service = outbox.database().connect();
                Statement statement = service.createStatement()) {
            service.setAutoCommit(false);
            statement.execute("INSERT INTO outbox (seq, type) OVERRIDING SYSTEM VALUE VALUES (7, 'late')");
            long transaction = Long.parseLong(outbox.query("SELECT backend_xid FROM pg_stat_activity"
                    + " WHERE backend_xid IS NOT NULL AND datname = current_database()"));

            removed = deliver(cleanup, new RowKey(7L, transaction));
            CompletableFuture<Void> gone = deliver(cleanup, new RowKey(8L, transaction - 1));

            gone.get(LIMIT.toSeconds(), TimeUnit.SECONDS);
            assertThat(removed).isNotDone();
            service.commit();
        }
        removed.get(LIMIT.toSeconds(), TimeUnit.SECONDS);
        assertThat(left(outbox)).isNull();
        assertThat(cleanup.removed()).isEqualTo(1);
    }

    /** A server that crashed, or a standby that was promoted, may have lost the last deletes, which came before this one. */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void nothingIsDeletedOnceTheServerHasCrashed(boolean whole) throws Exception {
        PostgresServer server = use(PostgresServer.start());
        OutboxFixture outbox = use(OutboxFixture.create(server.createDatabase()));
        outbox.insert("a", 3);
        Lease right = use(Lease.open(outbox.database().address(), LIMIT));
        Cleanup cleanup = use(Cleanup.ofLogReader(outbox.outbox().under(right.fence())));
        deliver(cleanup, key(1L)).get(LIMIT.toSeconds(), TimeUnit.SECONDS);

        if (whole) {
            server.kill();
            server.restart();
        } else {
            // The others end too, and memory is made anew; the server's first process stays.
            server.signal("KILL", right.backend());
        }
        awaitAnswer(outbox);

        assertThat(deliver(cleanup, key(2L)))
                .failsWithin(LIMIT)
                .withThrowableThat()
                .withMessageContaining("restarted or replaced");
        assertThat(cleanup.failure()).isPresent();
        assertThat(outbox.query("SELECT count(*) FROM outbox WHERE seq > 1")).isEqualTo("2");
    }

    private static void awaitAnswer(OutboxFixture outbox) {
        Awaitility.await("the server to answer again")
                .atMost(LIMIT)
                .ignoreExceptions()
                .until(() -> outbox.query("SELECT 'well'").equals("well"));
    }

    private static CompletableFuture<Void> deliver(Cleanup cleanup, RowKey key) throws InterruptedException {
        return cleanup.deliver(new SettledWith(delivered()), events(1), List.of(key), row -> {})
                .toCompletableFuture();
    }

    private static RowKey key(Object value) {
        return new RowKey(value, RowKey.SEEN);
    }

    private static CompletableFuture<Void> delivered() {
        return CompletableFuture.completedFuture(null);
    }

    private static AfterDelivery delete(int batchRows, int rowsPerSecond) {
        AfterDelivery usual = AfterDelivery.DELETE;
        return new AfterDelivery(
                usual.action(),
                usual.markColumn(),
                batchRows,
                rowsPerSecond,
                usual.partitionRows(),
                usual.partitionsAhead());
    }

    private static String left(OutboxFixture outbox) throws SQLException {
        return outbox.query("SELECT string_agg(seq::text, ',' ORDER BY seq) FROM outbox");
    }

    private OutboxFixture outbox() throws SQLException {
        return use(OutboxFixture.create(PostgresServer.shared().createDatabase()));
    }

    private OutboxFixture partitioned() throws SQLException {
        return use(OutboxFixture.of(
                database(),
                OutboxTable.DEFAULT,
                SchemaScript.PARTITIONED_TABLE.sql() + "; DROP PUBLICATION outbox_relay"));
    }

    private static TestDatabase database() throws SQLException {
        return PostgresServer.shared().createDatabase();
    }

    private <T extends AutoCloseable> T use(T resource) {
        opened.add(resource);
        return resource;
    }

    /** Settles all of a batch's rows when a delivery is complete. */
    private static CompletionStage<Void> after(Cleanup cleanup, CompletionStage<Void> delivery, List<?> keys) {
        try {
            return cleanup.deliver(
                    new SettledWith(delivery),
                    events(keys.size()),
                    keys.stream().map(CleanupTest::key).toList(),
                    row -> {});
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    private static List<OutboxEvent> events(int count) {
        return Collections.nCopies(
                count, new OutboxEvent("id", "order", "a", "placed", null, null, Instant.EPOCH, new SeqPosition(1)));
    }

    private record SettledWith(CompletionStage<Void> delivery) implements EventHandler {

        @Override
        public void streaming() {}

        @Override
        public boolean awaitRoom(Duration atMost) {
            return true;
        }

        @Override
        public CompletionStage<Void> deliver(List<OutboxEvent> batch, IntConsumer settled) {
            return delivery.thenRun(() -> IntStream.range(0, batch.size()).forEach(settled));
        }
    }
}
