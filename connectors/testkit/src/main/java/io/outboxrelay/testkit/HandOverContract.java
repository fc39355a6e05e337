package io.outboxrelay.testkit;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import javax.sql.DataSource;

import io.outboxrelay.api.AfterDelivery;
import io.outboxrelay.api.AfterDelivery.Action;
import io.outboxrelay.api.OutboxDatabase;
import io.outboxrelay.api.OutboxSource;
import io.outboxrelay.api.PositionLostException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

import static org.assertj.core.api.Assertions.assertThat;

/** How a source that reads Postgres' log begins with what the table holds, and is given up for the table. */
public abstract class HandOverContract extends LogSourceSuite {

    /** For subclasses. */
    protected HandOverContract() {}

    @Test
    void rowsThatAreThereAtTheFirstStartComeInOrderAndTheStreamFollowsWithoutGapOrOverlap() throws Exception {
        OutboxFixture outbox = outbox();
        outbox.insert("old", 5_000);
        AtomicBoolean writing = new AtomicBoolean(true);
        ExecutorService writers = Executors.newFixedThreadPool(3);
        RecordingHandler handler = RecordingHandler.settlingAtOnce();
        try {
            List<Future<Integer>> written = IntStream.range(0, 3)
                    .mapToObj(writer -> writers.submit(() -> write(outbox, "w" + writer, writing)))
                    .toList();
            await("the writers to write")
                    .until(() -> Integer.parseInt(outbox.query("SELECT count(*) FROM outbox")) > 5_200);
            start(outbox, handler);
            await("rows of the stream").until(() -> handler.count() > 6_500);
            writing.set(false);
            int total = 5_000;
            for (Future<Integer> writer : written) {
                total += writer.get();
            }
            awaitEvents(handler, total);

            assertThat(handedOver(handler)).doesNotHaveDuplicates().hasSize(total);
            assertThat(types(handler).subList(0, 5_000))
                    .containsExactlyElementsOf(IntStream.rangeClosed(1, 5_000)
                            .mapToObj(n -> "old-" + n)
                            .toList());
            for (String writer : List.of("w0", "w1", "w2")) {
                assertThat(handler.events().stream()
                                .filter(event -> event.aggregateId().equals(writer))
                                .map(event -> Integer.parseInt(event.type())))
                        .isSorted();
            }
            assertThat(handler.events().stream().map(event -> event.position())).isSorted();
        } finally {
            writing.set(false);
            writers.shutdownNow();
        }
    }

    @Test
    void anOpenTransactionDelaysThePreparationAndItsRowsComeOnce() throws Exception {
        OutboxFixture outbox = outbox();
        RecordingHandler handler = RecordingHandler.settlingAtOnce();
        OutboxSource source = use(open(outbox));
        CompletableFuture<Void> preparing;
        try (Connection service = outbox.database().connect();
                Statement statement = service.createStatement()) {
            service.setAutoCommit(false);
            statement.execute(insert("a", "open while the slot is made"));
            preparing = prepareInBackground(source);
            awaitWaiting(outbox);
            outbox.insert("b", 1);
            assertThat(preparing).isNotDone();
            service.commit();
        }
        preparing.get(LIMIT.toSeconds(), TimeUnit.SECONDS);
        outbox.insert("c", 1);
        start(source, handler);

        awaitEvents(handler, 3);
        outbox.insert("last", 1);
        awaitEvents(handler, 4);
        assertThat(types(handler))
                .containsExactlyInAnyOrder("open while the slot is made", "b-1", "c-1", "last-1")
                .endsWith("last-1");
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aWaitForAnOpenTransactionEndsWithTheSource(boolean stopped) throws Exception {
        OutboxFixture outbox = outbox();
        try (Connection service = outbox.database().connect();
                Statement statement = service.createStatement()) {
            service.setAutoCommit(false);
            statement.execute(insert("a", "open"));
            RunningSource run = use(RunningSource.start(open(outbox), handler(RecordingHandler.settlingAtOnce())));
            awaitWaiting(outbox);

            if (stopped) {
                run.stop(LIMIT);
            } else {
                run.close();
            }

            run.awaitReturn(LIMIT);
            assertThat(slot(outbox, "slot_name")).isNull();
        }
    }

    @Test
    void thePhaseIsHandOverUntilTheLastOfTheFirstRowsIsSettled() throws Exception {
        OutboxFixture outbox = outbox();
        outbox.insert("old", 2);
        RecordingHandler handler = RecordingHandler.holdingBack();
        start(outbox, handler);
        awaitEvents(handler, 2);
        String begins = slot(outbox, "confirmed_flush_lsn");

        outbox.insert("new", 1);
        awaitEvents(handler, 3);
        handler.settle(1);
        await("the row behind to be gone").until(() -> left(outbox).equals("old-1,old-2"));

        assertThat(phase(outbox)).isEqualTo("handover");
        assertThat(slot(outbox, "confirmed_flush_lsn")).isEqualTo(begins);
        handler.settle(0);
        await("the hand-over to end").until(() -> phase(outbox).equals("streaming"));
        assertThat(left(outbox)).isEmpty();
        await("the slot to move")
                .until(() -> !slot(outbox, "confirmed_flush_lsn").equals(begins));
    }

    @Test
    void whoFindsAHandOverHalfDoneBeginsAgainWithWhatIsUnsettled() throws Exception {
        OutboxFixture outbox = outbox();
        outbox.insert("old", 3_000);
        RecordingHandler first = RecordingHandler.holdingBack(1);
        RunningSource run = start(outbox, first);
        await("the first rows").until(() -> first.batches() == 1);
        int settled = (int) first.count();
        first.settle(0);
        await("further rows").until(() -> first.batches() == 2);
        await("the settled rows to be gone")
                .until(() -> outbox.query("SELECT count(*) FROM outbox").equals(Integer.toString(3_000 - settled)));
        run.close();
        run.awaitReturn(LIMIT);
        outbox.insert("meanwhile", 1);

        RecordingHandler second = RecordingHandler.settlingAtOnce();
        start(outbox, second);

        awaitEvents(second, 3_001 - settled);
        assertThat(types(second)).startsWith("old-" + (settled + 1)).endsWith("old-3000", "meanwhile-1");
        assertThat(second.count()).isEqualTo(3_001 - settled);
        await("the hand-over to end").until(() -> phase(outbox).equals("streaming"));
    }

    @Test
    void aStopInTheMiddleOfTheFirstRowsLeavesTheRestToTheNextRun() throws Exception {
        OutboxFixture outbox = outbox();
        outbox.insert("old", 5_000);
        RecordingHandler first = RecordingHandler.holdingBack(1);
        RunningSource run = start(outbox, first);
        await("the first rows").until(() -> first.batches() == 1);
        CompletableFuture<Boolean> stop = CompletableFuture.supplyAsync(() -> {
            try {
                return run.stop(LIMIT);
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
        });
        first.settleAll();
        assertThat(stop.get(LIMIT.toSeconds(), TimeUnit.SECONDS)).isTrue();
        run.awaitReturn(LIMIT);

        RecordingHandler second = RecordingHandler.settlingAtOnce();
        start(outbox, second);

        awaitEvents(second, (int) (5_000 - first.count()));
        await("the hand-over to end").until(() -> phase(outbox).equals("streaming"));
        List<String> both = new ArrayList<>(types(first));
        both.addAll(types(second));
        assertThat(both)
                .containsExactlyElementsOf(IntStream.rangeClosed(1, 5_000)
                        .mapToObj(n -> "old-" + n)
                        .toList());
    }

    @Test
    void aStopWaitsForTheFirstRowsToo() throws Exception {
        OutboxFixture outbox = outbox();
        outbox.insert("old", 3);
        RecordingHandler first = RecordingHandler.holdingBack();
        RunningSource run = start(outbox, first);
        awaitEvents(first, 3);

        assertThat(run.stop(Duration.ofMillis(500))).isFalse();

        run.awaitReturn(LIMIT);
        assertThat(phase(outbox)).isEqualTo("handover");
        RecordingHandler second = RecordingHandler.settlingAtOnce();
        start(outbox, second);
        awaitEvents(second, 3);
    }

    @ParameterizedTest
    @EnumSource(
            value = Action.class,
            names = {"DELETE", "KEEP"})
    void afterAStopNothingOfTheFirstRowsComesAgain(Action action) throws Exception {
        OutboxFixture outbox = outbox();
        outbox.insert("old", 10);
        RecordingHandler first = RecordingHandler.settlingAtOnce();
        RunningSource run = start(outbox, AfterDelivery.of(action), first);
        awaitEvents(first, 10);
        assertThat(run.stop(LIMIT)).isTrue();
        run.awaitReturn(LIMIT);

        RecordingHandler second = RecordingHandler.settlingAtOnce();
        start(outbox, AfterDelivery.of(action), second);
        outbox.insert("new", 1);

        awaitEvents(second, 1);
        assertThat(types(second)).containsExactly("new-1");
    }

    @Test
    void aGapThatIsGivenUpIsHealedFromTheTable() throws Exception {
        OutboxFixture outbox = outbox();
        RecordingHandler before = RecordingHandler.settlingAtOnce();
        RunningSource run = start(outbox, before);
        outbox.insert("before", 3);
        awaitEvents(before, 3);
        assertThat(run.stop(LIMIT)).isTrue();
        run.awaitReturn(LIMIT);
        awaitFreeSlot(outbox);
        outbox.execute("SELECT pg_drop_replication_slot('" + outbox.slot() + "')");
        outbox.insert("in the gap", 3);
        assertThat(use(RunningSource.start(open(outbox), handler(RecordingHandler.settlingAtOnce())))
                        .awaitFailure(LIMIT))
                .isInstanceOf(PositionLostException.class);

        assertThat(factory(outbox, Map.of()).abandon(outbox.outbox())).isEmpty();
        outbox.insert("after", 1);
        RecordingHandler after = RecordingHandler.settlingAtOnce();
        start(outbox, after);
        outbox.insert("new", 1);

        awaitEvents(after, 5);
        assertThat(types(after)).containsExactly("in the gap-1", "in the gap-2", "in the gap-3", "after-1", "new-1");
    }

    /** What a poller does between the two. */
    @Test
    void whatAnotherSourceSendsAfterThePreparationComesAtMostOnceMore() throws Exception {
        OutboxFixture outbox = outbox();
        outbox.insert("in the snapshot", 4);
        OutboxSource source = use(open(outbox));
        source.prepare();
        outbox.execute("DELETE FROM outbox WHERE type IN ('in the snapshot-1', 'in the snapshot-2')");
        outbox.insert("in the log", 2);
        outbox.execute("DELETE FROM outbox WHERE type = 'in the log-1'");
        RecordingHandler handler = RecordingHandler.settlingAtOnce();

        start(source, handler);

        awaitEvents(handler, 4);
        assertThat(types(handler))
                .containsExactly("in the snapshot-3", "in the snapshot-4", "in the log-1", "in the log-2");
    }

    @Test
    void aPreparedSourceThatIsNeverRunLeavesNoSlot() throws Exception {
        OutboxFixture outbox = outbox();
        outbox.insert("a", 1);
        OutboxSource source = open(outbox);
        source.prepare();

        source.close();

        assertThat(slot(outbox, "slot_name")).isNull();
        RecordingHandler handler = RecordingHandler.settlingAtOnce();
        start(outbox, handler);
        awaitEvents(handler, 1);
    }

    @Test
    void aSourceThatHasItsPositionIsPreparedAtOnce() throws Exception {
        OutboxFixture outbox = outbox();
        RunningSource run = start(outbox, RecordingHandler.settlingAtOnce());
        assertThat(run.stop(LIMIT)).isTrue();
        run.awaitReturn(LIMIT);
        awaitFreeSlot(outbox);
        outbox.insert("a", 1);
        RecordingHandler handler = RecordingHandler.settlingAtOnce();
        OutboxSource source = use(open(outbox));
        try (Connection service = outbox.database().connect();
                Statement statement = service.createStatement()) {
            service.setAutoCommit(false);
            statement.execute(insert("b", "open"));

            source.prepare();

            start(source, handler);
            awaitEvents(handler, 1);
            service.rollback();
        }
    }

    @Test
    void whatIsMarkedIsNotSentAgainByAHandOver() throws Exception {
        AfterDelivery mark = AfterDelivery.of(Action.MARK);
        OutboxFixture outbox = outbox();
        outbox.execute("ALTER TABLE outbox ADD delivered_at timestamptz");
        RecordingHandler first = RecordingHandler.settlingAtOnce();
        RunningSource run = start(outbox, mark, first);
        outbox.insert("sent", 2);
        awaitEvents(first, 2);
        assertThat(run.stop(LIMIT)).isTrue();
        run.awaitReturn(LIMIT);
        awaitFreeSlot(outbox);
        factory(outbox, Map.of()).abandon(outbox.outbox(mark));
        outbox.insert("unsent", 2);

        RecordingHandler second = RecordingHandler.settlingAtOnce();
        start(outbox, mark, second);

        awaitEvents(second, 2);
        assertThat(types(second)).containsExactly("unsent-1", "unsent-2");
    }

    /** Dies at the n-th time that it asks the database for a connection, which is at every step. */
    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10})
    void whereverItDiesTheNextRunLosesNothing(int step) throws Exception {
        OutboxFixture outbox = outbox();
        outbox.insert("old", 3);
        OutboxDatabase whole = outbox.outbox();
        OutboxDatabase dying =
                new OutboxDatabase(whole.address(), whole.table(), whole.afterDelivery(), dying(whole, step));
        RecordingHandler first = handler(RecordingHandler.settlingAtOnce());
        RunningSource run = use(RunningSource.start(factory(outbox, Map.of()).open(dying), first));
        await("it to die, or to have got far").until(() -> !run.isRunning() || "streaming".equals(phase(outbox)));
        outbox.insert("meanwhile", 2);
        run.close();

        RecordingHandler second = RecordingHandler.settlingAtOnce();
        start(outbox, second);
        outbox.insert("new", 1);

        await("the last row").until(() -> types(second).contains("new-1"));
        Set<String> both = new HashSet<>(types(first));
        both.addAll(types(second));
        assertThat(both).containsExactlyInAnyOrder("old-1", "old-2", "old-3", "meanwhile-1", "meanwhile-2", "new-1");
        await("the table to be empty").until(() -> left(outbox).isEmpty());
    }

    /**
     * The relay's lock keeps them apart; this is what holds without it. They may wait for each other: the one for its slot,
     * which the other has dropped, and that one for the end of the first one's transactions. Then the stalled one gives up.
     */
    @Test
    void ofTwoThatStartForTheFirstTimeAtOnceNoneLosesARow() throws Exception {
        OutboxFixture outbox = outbox();
        outbox.insert("old", 50);
        Set<String> seen = new HashSet<>();
        List<RecordingHandler> handlers = new ArrayList<>();
        RunningSource[] runs = new RunningSource[2];
        for (int round = 0; round < 6; round++) {
            for (int i = 0; i < runs.length; i++) {
                if (runs[i] == null || !runs[i].isRunning()) {
                    RecordingHandler handler = handler(RecordingHandler.settlingAtOnce());
                    handlers.add(handler);
                    runs[i] = use(RunningSource.start(impatient(outbox), handler));
                }
            }
            outbox.insert("round " + round, 10);
            await("somebody to read, or to give up")
                    .until(() -> !runs[0].isRunning()
                            || !runs[1].isRunning()
                            || handlers.stream().anyMatch(RecordingHandler::isStreaming));
        }
        await("all rows to be handed over by one of them").until(() -> {
            handlers.forEach(handler -> seen.addAll(types(handler)));
            for (int i = 0; i < runs.length && seen.size() < 110; i++) {
                if (!runs[0].isRunning() && !runs[1].isRunning()) {
                    RecordingHandler handler = handler(RecordingHandler.settlingAtOnce());
                    handlers.add(handler);
                    runs[0] = use(RunningSource.start(impatient(outbox), handler));
                }
            }
            return seen.size() == 110;
        });
    }

    private OutboxSource impatient(OutboxFixture outbox) {
        return factory(outbox, Map.of("progress-timeout", "5s")).open(outbox.outbox());
    }

    private static DataSource dying(OutboxDatabase database, int step) {
        AtomicInteger asked = new AtomicInteger();
        return (DataSource) Proxy.newProxyInstance(
                HandOverContract.class.getClassLoader(), new Class<?>[] {DataSource.class}, (proxy, method, args) -> {
                    if (method.getName().equals("getConnection") && asked.incrementAndGet() >= step) {
                        throw new SQLException("the process is dead", "08006");
                    }
                    try {
                        return method.invoke(database.dataSource(), args);
                    } catch (InvocationTargetException e) {
                        throw e.getCause();
                    }
                });
    }

    private static CompletableFuture<Void> prepareInBackground(OutboxSource source) {
        return CompletableFuture.runAsync(() -> {
            try {
                source.prepare();
            } catch (Exception e) {
                throw new IllegalStateException(e);
            }
        });
    }

    private static void awaitWaiting(OutboxFixture outbox) {
        await("the server to wait for the open transaction")
                .until(() -> outbox.query("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'walsender'"
                                + " AND datname = current_database() AND wait_event_type = 'Lock'")
                        .equals("1"));
    }

    /** One row per transaction, numbered, one after the other. */
    private static int write(OutboxFixture outbox, String writer, AtomicBoolean writing) throws SQLException {
        int written = 0;
        try (Connection connection = outbox.database().connect();
                Statement statement = connection.createStatement()) {
            connection.setAutoCommit(false);
            while (writing.get()) {
                statement.execute(insert(writer, Integer.toString(written)));
                if (written % 7 == 3) {
                    connection.rollback();
                    statement.execute(insert(writer, Integer.toString(written)));
                }
                connection.commit();
                written++;
            }
        }
        return written;
    }
}
