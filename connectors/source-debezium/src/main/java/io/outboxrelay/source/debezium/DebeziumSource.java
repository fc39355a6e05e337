package io.outboxrelay.source.debezium;

import java.sql.SQLException;
import java.time.Duration;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

import io.debezium.engine.ChangeEvent;
import io.outboxrelay.api.EventHandler;
import io.outboxrelay.api.OutboxDatabase;
import io.outboxrelay.api.OutboxSource;
import io.outboxrelay.api.PositionLostException;
import io.outboxrelay.api.SourceBusyException;
import io.outboxrelay.postgres.Checkpoint;
import io.outboxrelay.postgres.LogPosition;
import io.outboxrelay.postgres.Lsn;
import io.outboxrelay.postgres.ReplicationSlot;
import org.apache.kafka.connect.source.SourceRecord;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** One run over the log. */
final class DebeziumSource implements OutboxSource {

    private static final Logger log = LoggerFactory.getLogger(DebeziumSource.class);

    private static final Duration LOOK = Duration.ofSeconds(1);
    private static final Duration CLOSE_LIMIT = Duration.ofSeconds(60);
    private static final Duration RELEASE_LIMIT = Duration.ofSeconds(5);
    private static final Duration LEAVE_LIMIT = Duration.ofSeconds(1);

    private final OutboxDatabase database;
    private final DebeziumSettings settings;
    private final LogPosition position;
    private final Intake<ChangeEvent<SourceRecord, SourceRecord>> intake = new Intake<>();
    private final Progress progress = new Progress();
    private final CountDownLatch ending = new CountDownLatch(1);
    private final CountDownLatch stopped = new CountDownLatch(1);

    private boolean stopCalled;
    private Engine engine;
    private LogReader reader;

    DebeziumSource(OutboxDatabase database, DebeziumSettings settings) {
        this.database = database;
        this.settings = settings;
        this.position = new LogPosition(database, settings.slot(), settings.createSlot(), settings.existingRows());
    }

    @Override
    public void run(EventHandler handler) throws Exception {
        try {
            Optional<Checkpoint> start = prepare();
            if (start.isPresent() && open(handler, start.get())) {
                watch();
                explain();
            }
        } finally {
            closeEngine();
            intake.close();
            awaitStop();
        }
    }

    @Override
    public boolean stop(Duration atMost) throws InterruptedException {
        long deadline = System.nanoTime() + atMost.toNanos();
        synchronized (this) {
            stopCalled = true;
        }
        try {
            intake.stop();
            Optional<Lsn> settled = intake.awaitSettled(atMost);
            ending.countDown();
            closeEngine();
            Optional<Lsn> reached = settled.or(() -> reader().flatMap(LogReader::settledSoFar));
            return (reached.isEmpty() || moveTo(reached.get(), deadline)) && settled.isPresent();
        } finally {
            ending.countDown();
            stopped.countDown();
        }
    }

    @Override
    public void close() {
        intake.close();
        ending.countDown();
        closeEngine();
    }

    /** Empty if the source was ended meanwhile. */
    private Optional<Checkpoint> prepare()
            throws SQLException, SourceBusyException, PositionLostException, InterruptedException {
        long began = System.nanoTime();
        Optional<Checkpoint> start = Optional.empty();
        while (start.isEmpty() && !isEnding()) {
            try {
                start = position.prepare();
            } catch (SourceBusyException e) {
                // It may be the run before this one, which the server has not seen leave yet.
                if (System.nanoTime() - began > LEAVE_LIMIT.toNanos()) {
                    throw e;
                }
                if (ending.await(20, TimeUnit.MILLISECONDS)) {
                    return Optional.empty();
                }
            }
        }
        return start;
    }

    /** False if the source was ended meanwhile. */
    private synchronized boolean open(EventHandler handler, Checkpoint start) {
        if (isEnding()) {
            return false;
        }
        log.info("Reading {} from the replication slot {}, at {}", database.table(), settings.slot(), start.settled());
        String name = "outbox-relay-" + UUID.randomUUID();
        reader = new LogReader(
                handler,
                new RowMapper(database.table(), name),
                position,
                start,
                settings.positionInterval(),
                intake,
                progress);
        engine = new Engine(EngineProperties.of(database, settings, name), reader);
        engine.start();
        return true;
    }

    private void watch() throws SQLException, InterruptedException {
        StallWatch stalls = new StallWatch(database.dataSource(), progress, settings.progressTimeout());
        while (!engine.awaitEnd(LOOK)) {
            if (!isEnding()) {
                Optional<String> stalled = stalls.look();
                if (stalled.isPresent()) {
                    throw new SQLException(stalled.get(), "08006");
                }
            }
        }
    }

    /** After the engine ended: throws the one clear cause, unless it was told to end. */
    private void explain() throws Exception {
        if (isEnding()) {
            return;
        }
        if (reader.failure().isPresent()) {
            throw reader.failure().get();
        }
        Throwable failure =
                engine.failure().orElseGet(() -> new IllegalStateException("the engine ended without a reason"));
        Throwable root = failure;
        for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
            root = cause;
            if (cause instanceof SQLException sql && sql.getSQLState() != null) {
                throw explain(sql);
            }
        }
        throw new IllegalStateException("the stream from the log ended: " + root.getMessage(), failure);
    }

    private Exception explain(SQLException failure) {
        if (ReplicationSlot.IN_USE.equals(failure.getSQLState())) {
            return new SourceBusyException("the replication slot " + settings.slot() + " is read by "
                    + position.holder().map(Object::toString).orElse("another relay"));
        }
        return new SQLException(
                "the stream from the log ended: " + failure.getMessage(), failure.getSQLState(), failure);
    }

    private boolean moveTo(Lsn settled, long deadline) throws InterruptedException {
        Optional<LogReader> read = reader();
        if (read.isEmpty() || !settled.isAfter(read.get().checkpoint().settled())) {
            return true;
        }
        try {
            Checkpoint last = read.get().checkpoint().at(settled);
            position.settle(last);
            advance(last, Math.max(deadline, System.nanoTime() + RELEASE_LIMIT.toNanos()));
            log.info("Stopped reading; all is settled up to {}", settled);
            return true;
        } catch (SQLException e) {
            log.warn(
                    "The position could not be moved to {}: {}; the last rows are relayed again",
                    settled,
                    e.getMessage());
            return false;
        }
    }

    /** The server needs a moment to notice that the engine has left. */
    private void advance(Checkpoint last, long deadline) throws SQLException, InterruptedException {
        while (true) {
            try {
                position.advance(last);
                return;
            } catch (SQLException e) {
                if (!ReplicationSlot.IN_USE.equals(e.getSQLState()) || System.nanoTime() - deadline > 0) {
                    throw e;
                }
                Thread.sleep(20);
            }
        }
    }

    private boolean isEnding() {
        return ending.getCount() == 0;
    }

    private synchronized Optional<LogReader> reader() {
        return Optional.ofNullable(reader);
    }

    private synchronized Optional<Engine> engine() {
        return Optional.ofNullable(engine);
    }

    private void closeEngine() {
        Optional<Engine> running = engine();
        if (running.isEmpty()) {
            return;
        }
        try {
            running.get().close(CLOSE_LIMIT);
        } catch (InterruptedException e) {
            log.warn("Interrupted while the engine was ending; it ends by itself");
            Thread.currentThread().interrupt();
        }
    }

    /** Whoever opened the source may close the database once the run has ended, and stop still needs it. */
    private void awaitStop() throws InterruptedException {
        boolean wait;
        synchronized (this) {
            wait = stopCalled;
        }
        if (wait) {
            stopped.await();
        }
    }
}
