package io.outboxrelay.testkit;

import java.io.IOException;
import java.io.StringReader;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

import io.outboxrelay.api.OutboxEvent;
import io.outboxrelay.api.OutboxSource;
import io.outboxrelay.api.SourceBusyException;
import org.junit.jupiter.api.Test;
import org.postgresql.PGConnection;

import static org.assertj.core.api.Assertions.assertThat;

/**
 * What every {@link OutboxSource} does, whatever it reads: which rows it hands over, in which order, and how its position
 * moves. What is in the rows is in {@link SourceContentContract}. A source extends both with a fixture that opens it.
 *
 * <p>Each test has a database of its own on the shared server.
 */
public abstract class SourceContract extends SourceSuite {

    /** For subclasses. */
    protected SourceContract() {}

    @Test
    void aCommittedRowIsHandedOver() throws Exception {
        OutboxFixture outbox = outbox();
        RecordingHandler handler = RecordingHandler.settlingAtOnce();
        start(outbox, handler);
        UUID id = UUID.randomUUID();
        Instant before = Instant.now();

        outbox.execute("INSERT INTO outbox (id, aggregate_type, aggregate_id, type, payload, headers) VALUES ('" + id
                + "', 'order', 'o-1', 'placed', '{\"total\": 12.50}', '{\"traceparent\": \"00-1-2-03\"}')");

        awaitEvents(handler, 1);
        OutboxEvent event = handler.events().get(0);
        assertThat(event.id()).isEqualTo(id.toString());
        assertThat(event.aggregateType()).isEqualTo("order");
        assertThat(event.aggregateId()).isEqualTo("o-1");
        assertThat(event.type()).isEqualTo("placed");
        assertThat(event.payload()).asString(StandardCharsets.UTF_8).isEqualTo("{\"total\": 12.50}");
        assertThat(event.headers()).isEqualTo("{\"traceparent\": \"00-1-2-03\"}");
        assertThat(event.occurredAt())
                .isBetween(before.minusSeconds(1), Instant.now().plusSeconds(1));
        assertThat(event.position()).isEqualByComparingTo(event.position());
    }

    @Test
    void aRowOfARolledBackTransactionIsNeverHandedOver() throws Exception {
        OutboxFixture outbox = outbox();
        RecordingHandler handler = RecordingHandler.settlingAtOnce();
        start(outbox, handler);

        try (Connection connection = outbox.database().connect();
                Statement statement = connection.createStatement()) {
            connection.setAutoCommit(false);
            statement.execute(insert("o-1", "rolled back"));
            connection.rollback();
            statement.execute(insert("o-1", "before the savepoint"));
            statement.execute("SAVEPOINT here");
            statement.execute(insert("o-1", "rolled back to the savepoint"));
            statement.execute("ROLLBACK TO SAVEPOINT here");
            statement.execute(insert("o-1", "after the savepoint"));
            connection.commit();
        }
        outbox.execute(insert("o-1", "last"));

        awaitEvents(handler, 3);
        assertThat(types(handler)).containsExactly("before the savepoint", "after the savepoint", "last");
    }

    @Test
    void rowsOfOneAggregateComeInTheOrderOfTheirCommits() throws Exception {
        OutboxFixture outbox = outbox();
        outbox.execute("CREATE TABLE aggregate (id text PRIMARY KEY, version int NOT NULL);"
                + "INSERT INTO aggregate VALUES ('a', 0), ('b', 0), ('c', 0)");
        RecordingHandler handler = RecordingHandler.settlingAtOnce();
        start(outbox, handler);

        ExecutorService writers = Executors.newFixedThreadPool(4);
        try {
            List<Future<?>> done = IntStream.range(0, 4)
                    .<Future<?>>mapToObj(seed -> writers.submit(() -> {
                        bumpVersions(outbox, new Random(seed));
                        return null;
                    }))
                    .toList();
            for (Future<?> writer : done) {
                writer.get();
            }
        } finally {
            writers.shutdownNow();
        }

        awaitEvents(handler, Integer.parseInt(outbox.query("SELECT sum(version) FROM aggregate")));
        for (String aggregate : List.of("a", "b", "c")) {
            int versions =
                    Integer.parseInt(outbox.query("SELECT version FROM aggregate WHERE id = '" + aggregate + "'"));
            assertThat(handler.events().stream()
                            .filter(event -> event.aggregateId().equals(aggregate))
                            .map(OutboxEvent::type))
                    .containsExactlyElementsOf(IntStream.rangeClosed(1, versions)
                            .mapToObj(String::valueOf)
                            .toList());
        }
    }

    @Test
    void positionsGrowInTheOrderOfTheHandOver() throws Exception {
        OutboxFixture outbox = outbox();
        RecordingHandler handler = RecordingHandler.settlingAtOnce();
        start(outbox, handler);

        outbox.insert("a", 3);
        outbox.insert("b", 3);
        outbox.insert("c", 1);

        awaitEvents(handler, 7);
        assertThat(handler.events().stream().map(OutboxEvent::position)).isSorted();
        assertThat(handler.events().stream().map(OutboxEvent::position)).doesNotHaveDuplicates();
    }

    @Test
    void whatWasNotAcknowledgedIsHandedOverAgainByTheNextRun() throws Exception {
        OutboxFixture outbox = outbox();
        RecordingHandler first = RecordingHandler.holdingBack();
        RunningSource run = start(outbox, first);
        outbox.insert("a", 5);
        outbox.insert("b", 5);
        awaitEvents(first, 10);
        run.close();
        run.awaitReturn(LIMIT);

        RecordingHandler second = RecordingHandler.settlingAtOnce();
        start(outbox, second);

        awaitEvents(second, 10);
        assertThat(types(second)).isEqualTo(types(first));
    }

    @Test
    void thePositionNeverPassesAnEarlierOpenBatch() throws Exception {
        OutboxFixture outbox = outbox();
        RecordingHandler first = RecordingHandler.holdingBack();
        RunningSource run = start(outbox, first);
        outbox.insert("open", 1);
        awaitEvents(first, 1);
        outbox.insert("settled", 1);
        awaitEvents(first, 2);
        first.settle(1);
        // The source has seen the settled batch once it has handed over another two.
        outbox.insert("later", 1);
        awaitEvents(first, 3);
        outbox.insert("last", 1);
        awaitEvents(first, 4);
        run.close();
        run.awaitReturn(LIMIT);

        RecordingHandler second = RecordingHandler.settlingAtOnce();
        start(outbox, second);

        await("what was not settled").until(() -> types(second).contains("last-1"));
        // What was settled may be gone already, where the table is read.
        assertThat(types(second).stream().filter(type -> !type.equals("settled-1")))
                .containsExactly("open-1", "later-1", "last-1");
    }

    @Test
    void aHundredThousandRowsOfOneTransactionComeInOrderThroughLittleRoom() throws Exception {
        OutboxFixture outbox = outbox();
        RecordingHandler handler = RecordingHandler.holdingBack(500);
        start(outbox, handler);

        outbox.insert("a", 100_000);

        for (int settled = 0; handler.count() < 100_000 || settled < handler.batches(); settled++) {
            int next = settled;
            await("the next batch, for which there is room").until(() -> handler.batches() > next);
            handler.settle(next);
        }
        assertThat(types(handler))
                .containsExactlyElementsOf(IntStream.rangeClosed(1, 100_000)
                        .mapToObj(n -> "a-" + n)
                        .toList());
    }

    @Test
    void deletesAndTruncatesAreNoEvents() throws Exception {
        OutboxFixture outbox = outbox();
        outbox.execute("ALTER PUBLICATION outbox_relay SET (publish = 'insert, delete, truncate')");
        RecordingHandler handler = RecordingHandler.settlingAtOnce();
        start(outbox, handler);
        outbox.insert("a", 3);
        awaitEvents(handler, 3);

        outbox.execute("DELETE FROM outbox WHERE type = 'a-1'");
        outbox.execute("TRUNCATE outbox");
        outbox.insert("b", 1);

        awaitEvents(handler, 4);
        assertThat(types(handler)).containsExactly("a-1", "a-2", "a-3", "b-1");
    }

    @Test
    void rowsOfACopyWithIdsOfTheirOwnComeOnceEachInOrder() throws Exception {
        OutboxFixture outbox = outbox();
        RecordingHandler handler = RecordingHandler.settlingAtOnce();
        start(outbox, handler);
        List<String> ids = IntStream.range(0, 3000)
                .mapToObj(n -> new UUID(7, n).toString())
                .toList();

        copy(outbox, ids);

        awaitEvents(handler, ids.size());
        assertThat(handler.events().stream().map(OutboxEvent::id)).containsExactlyElementsOf(ids);
    }

    @Test
    void aCopyThatWasInterruptedInTheMiddleIsHandedOverAgain() throws Exception {
        OutboxFixture outbox = outbox();
        RecordingHandler first = RecordingHandler.holdingBack(1);
        RunningSource run = start(outbox, first);
        List<String> ids = IntStream.range(0, 5000)
                .mapToObj(n -> new UUID(8, n).toString())
                .toList();
        copy(outbox, ids);
        await("the first batch").until(() -> first.batches() == 1);
        first.settle(0);
        await("the second batch, of the same transaction").until(() -> first.batches() == 2);
        run.close();
        run.awaitReturn(LIMIT);

        RecordingHandler second = RecordingHandler.settlingAtOnce();
        start(outbox, second);

        await("the rows that were not settled").until(() -> handedOver(second).contains(ids.get(4999)));
        Set<String> both = new HashSet<>(handedOver(first));
        both.addAll(handedOver(second));
        assertThat(both).containsExactlyInAnyOrderElementsOf(ids);
    }

    @Test
    void afterAStopNothingThatWasSettledIsHandedOverAgain() throws Exception {
        OutboxFixture outbox = outbox();
        RecordingHandler first = RecordingHandler.settlingAtOnce();
        RunningSource run = start(outbox, first);
        outbox.insert("a", 100);
        awaitEvents(first, 100);

        assertThat(run.stop(LIMIT)).isTrue();
        run.awaitReturn(LIMIT);
        run.close();
        outbox.insert("b", 1);
        RecordingHandler second = RecordingHandler.settlingAtOnce();
        start(outbox, second);

        awaitEvents(second, 1);
        assertThat(types(second)).containsExactly("b-1");
    }

    @Test
    void aStopUnderLoadLosesNothingAndRepeatsNothing() throws Exception {
        OutboxFixture outbox = outbox();
        AtomicBoolean writing = new AtomicBoolean(true);
        List<RecordingHandler> runs = new ArrayList<>();
        runs.add(RecordingHandler.settlingAtOnce());
        RunningSource run = start(outbox, runs.get(0));
        ExecutorService writers = Executors.newFixedThreadPool(2);
        try {
            List<Future<Integer>> written = IntStream.range(0, 2)
                    .mapToObj(writer -> writers.submit(() -> write(outbox, "w" + writer, writing)))
                    .toList();
            for (int i = 0; i < 4; i++) {
                RecordingHandler handler = runs.get(i);
                await("some events").until(() -> handler.count() > 200);
                assertThat(run.stop(LIMIT)).isTrue();
                run.awaitReturn(LIMIT);
                run.close();
                runs.add(RecordingHandler.settlingAtOnce());
                run = start(outbox, runs.get(i + 1));
            }
            writing.set(false);
            int total = written.get(0).get() + written.get(1).get();
            await("all rows")
                    .until(() ->
                            runs.stream().mapToLong(RecordingHandler::count).sum() >= total);

            List<String> all = runs.stream()
                    .flatMap(handler -> handedOver(handler).stream())
                    .toList();
            assertThat(all).doesNotHaveDuplicates().hasSize(total);
        } finally {
            writing.set(false);
            writers.shutdownNow();
        }
    }

    @Test
    void aStopWaitsUntilWhatWasHandedOverIsSettled() throws Exception {
        OutboxFixture outbox = outbox();
        RecordingHandler handler = RecordingHandler.holdingBack();
        RunningSource run = start(outbox, handler);
        outbox.insert("a", 10);
        awaitEvents(handler, 10);
        ExecutorService operator = Executors.newSingleThreadExecutor();
        try {
            Future<Boolean> stop = operator.submit(() -> run.stop(LIMIT));
            outbox.insert("b", 1);
            handler.settleAll();
            assertThat(stop.get()).isTrue();
        } finally {
            operator.shutdownNow();
        }
        run.awaitReturn(LIMIT);
    }

    @Test
    void aStopThatIsNotSettledInTimeLeavesTheRestToTheNextRun() throws Exception {
        OutboxFixture outbox = outbox();
        RecordingHandler first = RecordingHandler.holdingBack();
        RunningSource run = start(outbox, first);
        outbox.insert("a", 10);
        awaitEvents(first, 10);

        assertThat(run.stop(Duration.ofMillis(500))).isFalse();
        run.awaitReturn(LIMIT);
        run.close();

        RecordingHandler second = RecordingHandler.settlingAtOnce();
        start(outbox, second);
        awaitEvents(second, 10);
        assertThat(types(second)).isEqualTo(types(first));
    }

    @Test
    void aStopThatIsNotSettledInTimeKeepsWhatIsSettledWithoutAGap() throws Exception {
        OutboxFixture outbox = outbox();
        RecordingHandler first = RecordingHandler.holdingBack();
        RunningSource run = start(outbox, first);
        outbox.insert("first", 3);
        awaitEvents(first, 3);
        outbox.insert("second", 3);
        awaitEvents(first, 6);
        outbox.insert("open", 3);
        awaitEvents(first, 9);
        int open = first.batches() - 1;
        for (int batch = 0; batch < open; batch++) {
            first.settle(batch);
        }

        // Time enough to clean up behind what is settled.
        assertThat(run.stop(Duration.ofSeconds(3))).isFalse();
        run.awaitReturn(LIMIT);
        run.close();

        RecordingHandler second = RecordingHandler.settlingAtOnce();
        start(outbox, second);
        await("the rows that were open").until(() -> types(second).contains("open-3"));
        assertThat(types(second)).endsWith("open-1", "open-2", "open-3").doesNotContain("first-1");
    }

    @Test
    void aSecondRunIsToldThatTheSourceIsBusyAndTakesOverLater() throws Exception {
        OutboxFixture outbox = outbox();
        RecordingHandler handler = RecordingHandler.settlingAtOnce();
        RunningSource first = start(outbox, handler);

        RunningSource second = use(RunningSource.start(open(outbox), handler(RecordingHandler.settlingAtOnce())));

        assertThat(second.awaitFailure(LIMIT))
                .isInstanceOf(SourceBusyException.class)
                .hasMessageContaining("backend");
        assertThat(first.isRunning()).isTrue();

        first.close();
        first.awaitReturn(LIMIT);
        RecordingHandler third = RecordingHandler.settlingAtOnce();
        start(outbox, third);
        outbox.insert("a", 1);
        awaitEvents(third, 1);
    }

    @Test
    void aSourceThatIsClosedBeforeItStreamsEndsAtOnce() throws Exception {
        OutboxFixture outbox = outbox();
        RunningSource run = use(RunningSource.start(open(outbox), handler(RecordingHandler.settlingAtOnce())));
        run.close();
        run.awaitReturn(LIMIT);

        OutboxSource neverRun = open(outbox);
        neverRun.close();
        neverRun.close();
        neverRun.run(RecordingHandler.settlingAtOnce());

        RecordingHandler handler = RecordingHandler.settlingAtOnce();
        start(outbox, handler);
        outbox.insert("a", 1);
        awaitEvents(handler, 1);
    }

    @Test
    void allThreadsAndConnectionsEndWithTheSource() throws Exception {
        OutboxFixture outbox = outbox();
        Set<Thread> before = threads();
        RecordingHandler handler = RecordingHandler.settlingAtOnce();
        RunningSource run = start(outbox, handler);
        outbox.insert("a", 1);
        awaitEvents(handler, 1);

        run.close();
        run.awaitReturn(LIMIT);

        await("its sessions to end")
                .until(() -> outbox.query("SELECT count(*) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
                                + " AND datname = current_database()")
                        .equals("0"));
        await("its threads to end").untilAsserted(() -> {
            Set<Thread> left = threads();
            left.removeAll(before);
            left.removeIf(thread -> thread.getName().startsWith("awaitility"));
            assertThat(left).isEmpty();
        });
    }

    private static void bumpVersions(OutboxFixture outbox, Random random) throws SQLException {
        try (Connection connection = outbox.database().connect();
                Statement statement = connection.createStatement()) {
            connection.setAutoCommit(false);
            for (int i = 0; i < 60; i++) {
                String aggregate = List.of("a", "b", "c").get(random.nextInt(3));
                statement.execute("WITH bumped AS (UPDATE aggregate SET version = version + 1 WHERE id = '" + aggregate
                        + "' RETURNING id, version) INSERT INTO outbox (aggregate_type, aggregate_id, type)"
                        + " SELECT 't', id, version FROM bumped");
                if (random.nextInt(4) == 0) {
                    connection.rollback();
                } else {
                    connection.commit();
                }
            }
        }
    }

    private static int write(OutboxFixture outbox, String writer, AtomicBoolean writing) throws SQLException {
        int written = 0;
        try (Connection connection = outbox.database().connect();
                PreparedStatement statement =
                        connection.prepareStatement("INSERT INTO outbox (aggregate_type, aggregate_id, type, payload)"
                                + " SELECT 't', ?, n, '{}' FROM generate_series(1, ?) n")) {
            Random random = new Random(writer.hashCode());
            while (writing.get()) {
                int rows = 1 + random.nextInt(5);
                statement.setString(1, writer);
                statement.setInt(2, rows);
                statement.executeUpdate();
                written += rows;
            }
        }
        return written;
    }

    private static void copy(OutboxFixture outbox, List<String> ids) throws SQLException, IOException {
        try (Connection connection = outbox.database().connect()) {
            connection
                    .unwrap(PGConnection.class)
                    .getCopyAPI()
                    .copyIn(
                            "COPY outbox (id, aggregate_type, aggregate_id, type, payload) FROM STDIN",
                            new StringReader(ids.stream()
                                    .map(id -> id + "\torder\tcopied\tcopied\t{}\n")
                                    .collect(Collectors.joining())));
        }
    }

    private static Set<Thread> threads() {
        return new HashSet<>(Thread.getAllStackTraces().keySet());
    }
}
