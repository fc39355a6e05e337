package io.outboxrelay.testkit;

import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;

import io.outboxrelay.api.OutboxEvent;
import io.outboxrelay.api.OutboxSource;
import io.outboxrelay.api.SourceBusyException;
import org.awaitility.Awaitility;
import org.awaitility.core.ConditionFactory;
import org.junit.jupiter.api.AfterEach;

import static org.assertj.core.api.Assertions.assertThat;

/** What the suites for sources share: databases of their own, runs that end with the test. */
abstract class SourceSuite {

    /** How long anything may take. Generous: the machine may be busy. */
    protected static final Duration LIMIT = Duration.ofSeconds(60);

    private final List<AutoCloseable> opened = new ArrayList<>();
    private final List<RecordingHandler> handlers = new ArrayList<>();

    /** Opens a source on the fixture's outbox, with its slot name and publication; short intervals help. */
    protected abstract OutboxSource open(OutboxFixture fixture);

    @AfterEach
    final void closeAll() throws Exception {
        for (int i = opened.size() - 1; i >= 0; i--) {
            opened.get(i).close();
        }
        for (RecordingHandler handler : handlers) {
            assertThat(handler.breaches()).isEmpty();
        }
    }

    /** A new database with the outbox as the project ships it. */
    protected final OutboxFixture outbox() throws SQLException {
        return use(OutboxFixture.create(PostgresServer.shared().createDatabase()));
    }

    /** Starts a run and waits until it streams; again, while the server has not seen the run before it leave. */
    protected final RunningSource start(OutboxFixture outbox, RecordingHandler handler) throws InterruptedException {
        return start(() -> open(outbox), handler);
    }

    /** The same with a source of another kind. */
    protected final RunningSource start(Supplier<OutboxSource> source, RecordingHandler handler)
            throws InterruptedException {
        long began = System.nanoTime();
        while (true) {
            RunningSource run = use(RunningSource.start(source.get(), handler));
            Optional<Throwable> failure = awaitStreaming(run, handler);
            if (failure.isEmpty()) {
                handlers.add(handler);
                return run;
            }
            if (!(failure.get() instanceof SourceBusyException) || System.nanoTime() - began > LIMIT.toNanos()) {
                throw new AssertionError("the run ended", failure.get());
            }
        }
    }

    /** Starts this run and waits until it streams. */
    protected final RunningSource start(OutboxSource source, RecordingHandler handler) throws InterruptedException {
        RunningSource run = use(RunningSource.start(source, handler(handler)));
        Optional<Throwable> failure = awaitStreaming(run, handler);
        if (failure.isPresent()) {
            throw new AssertionError("the run ended", failure.get());
        }
        return run;
    }

    private static Optional<Throwable> awaitStreaming(RunningSource run, RecordingHandler handler)
            throws InterruptedException {
        await("the source to stream").until(() -> handler.isStreaming() || !run.isRunning());
        return run.isRunning() ? Optional.empty() : Optional.of(run.awaitFailure(LIMIT));
    }

    /** Waits until nobody reads the slot {@link OutboxFixture#slot}: the server needs a moment to see that a reader has left. */
    protected static void awaitFreeSlot(OutboxFixture outbox) {
        await("the slot to be free")
                .until(() -> "t"
                        .equals(outbox.query("SELECT active_pid IS NULL FROM pg_replication_slots WHERE slot_name = '"
                                + outbox.slot() + "'")));
    }

    /** Closes it after the test, the last first. */
    protected final <T extends AutoCloseable> T use(T resource) {
        opened.add(resource);
        return resource;
    }

    /** Looks after the test whether the source kept to the order of the calls. */
    protected final RecordingHandler handler(RecordingHandler handler) {
        handlers.add(handler);
        return handler;
    }

    /** Waits until so many events were handed over. */
    protected static void awaitEvents(RecordingHandler handler, int count) {
        await(count + " events; so far the source handed over fewer").until(() -> handler.count() >= count);
    }

    /** Waits for a condition. */
    protected static ConditionFactory await(String reason) {
        return Awaitility.await(reason)
                .atMost(LIMIT)
                .pollInterval(Duration.ofMillis(10))
                .pollInSameThread();
    }

    /** The types of the events, in the order of the hand-over. */
    protected static List<String> types(RecordingHandler handler) {
        return handler.events().stream().map(OutboxEvent::type).toList();
    }

    /** The ids of the events, in the order of the hand-over. */
    protected static List<String> handedOver(RecordingHandler handler) {
        return handler.events().stream().map(OutboxEvent::id).toList();
    }

    /** An insert of one row. */
    protected static String insert(String aggregate, String type) {
        return "INSERT INTO outbox (aggregate_type, aggregate_id, type, payload) VALUES ('order', '" + aggregate
                + "', '" + type + "', '{}')";
    }
}
