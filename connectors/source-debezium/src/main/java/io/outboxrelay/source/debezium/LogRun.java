package io.outboxrelay.source.debezium;

import java.sql.SQLException;
import java.time.Duration;
import java.util.Optional;
import java.util.UUID;
import java.util.function.BooleanSupplier;

import io.debezium.engine.ChangeEvent;
import io.outboxrelay.api.Code;
import io.outboxrelay.api.CodedSqlException;
import io.outboxrelay.api.EventHandler;
import io.outboxrelay.api.OutboxDatabase;
import io.outboxrelay.api.SourceBusyException;
import io.outboxrelay.api.SourceStatus;
import io.outboxrelay.postgres.Audit;
import io.outboxrelay.postgres.Checkpoint;
import io.outboxrelay.postgres.Cleanup;
import io.outboxrelay.postgres.LogPosition;
import io.outboxrelay.postgres.LogStart;
import io.outboxrelay.postgres.Lsn;
import io.outboxrelay.postgres.Partitions;
import io.outboxrelay.postgres.ReplicationSlot;
import io.outboxrelay.postgres.SlotWatch;
import org.apache.kafka.connect.source.SourceRecord;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** One stream from the log, from its opening to its end: engine and reader, and what looks after them. */
final class LogRun {

    private static final Logger log = LoggerFactory.getLogger(LogRun.class);

    /** What the creation of a slot ends with, which the engine begins without a word. */
    private static final String QUERY_CANCELED = "57014";

    private static final Duration LOOK = Duration.ofSeconds(1);
    private static final Duration CLOSE_LIMIT = Duration.ofSeconds(60);

    /** An engine that has not ended by then may be waiting for the server. */
    private static final Duration CLOSE_PATIENCE = Duration.ofSeconds(1);

    private static final Duration RELEASE_LIMIT = Duration.ofSeconds(5);

    private final DebeziumSettings settings;
    private final LogPosition position;
    private final LogStart start;
    private final EventHandler handler;
    private final Progress progress = new Progress();
    private final Lag lag = new Lag();
    private final StallWatch stalls;
    private final SlotWatch slot;
    private final Cleanup cleanup;
    private final LogReader reader;
    private final Engine engine;
    private final Optional<Audit> audit;
    private final Partitions partitions;

    private boolean auditing;

    /** Opens the stream. */
    LogRun(
            OutboxDatabase database,
            DebeziumSettings settings,
            LogPosition position,
            LogStart start,
            Intake<ChangeEvent<SourceRecord, SourceRecord>> intake,
            EventHandler handler) {
        this.settings = settings;
        this.position = position;
        this.start = start;
        this.handler = handler;
        this.stalls = new StallWatch(database.dataSource(), settings.slot(), progress, settings.progressTimeout());
        this.slot = new SlotWatch(database.dataSource(), settings.slot());
        this.cleanup = Cleanup.ofLogReader(database);
        Optional<String> key = cleanup.isNeeded()
                ? database.table()
                        .columns()
                        .seq()
                        .or(() -> Optional.of(database.table().columns().id()))
                : Optional.empty();
        String name = "outbox-relay-" + UUID.randomUUID();
        this.reader = new LogReader(
                handler,
                new RowMapper(database.table(), name, key),
                position,
                start.checkpoint(),
                new FirstRows(start.snapshot(), settings.maxBatchRows(), settings.maxQueueBytes()),
                cleanup,
                settings.positionInterval(),
                intake,
                progress);
        this.audit = Audit.isPossible(database)
                ? Optional.of(new Audit(database, cleanup, this::settled, settings.auditAfter()))
                : Optional.empty();
        this.partitions = Partitions.ofLogReader(database, this::settled);
        this.engine = new Engine(EngineProperties.of(database, settings, key, name), reader);
        log.info(
                "Reading {} from the replication slot {}, at {}{}",
                database.table(),
                settings.slot(),
                start.checkpoint().settled(),
                start.snapshot().isPresent() ? ", behind what the table holds" : "");
        engine.start();
    }

    /**
     * Looks after the stream until it ends.
     *
     * @param ending whether it was told to
     */
    void watch(BooleanSupplier ending) throws SQLException, InterruptedException {
        while (!engine.awaitEnd(LOOK)) {
            if (ending.getAsBoolean()) {
                continue;
            }
            Optional<String> stalled = stalls.look();
            if (stalled.isPresent()) {
                throw new CodedSqlException(Code.STREAM_STALLED, stalled.get(), "08006");
            }
            if (cleanup.failure().isPresent()) {
                throw cleanup.failure().get();
            }
            slot.look();
            lag.look(slot.end(), progress.place());
            startAudit();
        }
    }

    /** Why the stream ended by itself: the one clear cause. */
    Exception cause() {
        if (reader.failure().isPresent()) {
            return reader.failure().get();
        }
        Throwable failure =
                engine.failure().orElseGet(() -> new IllegalStateException("the engine ended without a reason"));
        Throwable root = failure;
        for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
            root = cause;
            if (cause instanceof SQLException sql && sql.getSQLState() != null) {
                return explained(sql);
            }
        }
        return new IllegalStateException("the stream from the log ended: " + root.getMessage(), failure);
    }

    /** What is known of it. Any thread may ask. */
    SourceStatus status() {
        return new SourceStatus(
                lag.isCaughtUp(),
                slot.retained(),
                cleanup.removed(),
                audit.map(Audit::missed).orElse(0L));
    }

    /** Publishes nothing more that the log has missed. Whether all that was published is settled. */
    boolean stopAudit(Duration atMost) throws InterruptedException {
        return audit.isEmpty() || audit.get().stop(atMost);
    }

    /**
     * Ends the engine, and waits until it has ended. One that waits for the server to open the stream would wait for as
     * long as the oldest transaction, and hold the slot: its process is ended.
     */
    void closeEngine() {
        try {
            long deadline = System.nanoTime() + CLOSE_LIMIT.toNanos();
            while (!engine.close(CLOSE_PATIENCE)) {
                if (System.nanoTime() - deadline > 0) {
                    log.warn(
                            "{} The engine did not end within {} s and is left behind",
                            Code.ENGINE_NOT_ENDED,
                            CLOSE_LIMIT.toSeconds());
                    return;
                }
                endOpening();
            }
        } catch (InterruptedException e) {
            log.warn("{} Interrupted while the engine was ending; it ends by itself", Code.ENGINE_NOT_ENDED);
            Thread.currentThread().interrupt();
        }
    }

    /**
     * Moves the position, after the engine has ended.
     *
     * @param all where all is settled; empty if something is not
     * @return false if it could not be moved
     */
    boolean moveTo(Optional<Lsn> all, long deadline) throws InterruptedException {
        try {
            if (!reader.endHandOver()) {
                return true;
            }
            Optional<Lsn> settled = all.or(reader::settledSoFar)
                    .filter(lsn -> lsn.isAfter(reader.checkpoint().settled()));
            if (settled.isPresent()) {
                Checkpoint last = reader.checkpoint().at(settled.get());
                position.settle(last);
                advance(last, Math.max(deadline, System.nanoTime() + RELEASE_LIMIT.toNanos()));
                log.info("Stopped reading; all is settled up to {}", settled.get());
            }
            return true;
        } catch (SQLException e) {
            log.warn(
                    "{} The position could not be moved: {}; the last rows are relayed again",
                    Code.POSITION_NOT_MOVED,
                    e.getMessage());
            return false;
        }
    }

    /** Ends everything. */
    void close() {
        closeEngine();
        audit.ifPresent(Audit::close);
        partitions.close();
        cleanup.close();
        try {
            start.close();
        } catch (SQLException e) {
            log.debug("The snapshot's session did not end in good order", e);
        }
    }

    private void endOpening() {
        if (reader.isStreaming()) {
            return;
        }
        try {
            stalls.terminate();
        } catch (SQLException e) {
            log.debug("Cannot end the server's process that opens the stream", e);
        }
    }

    /** What the checkpoint says, once it is the whole truth. */
    private Optional<Lsn> settled() {
        return Optional.of(reader.checkpoint())
                .filter(checkpoint -> checkpoint.phase() == Checkpoint.Phase.STREAMING)
                .map(Checkpoint::settled);
    }

    private void startAudit() {
        if (!auditing && reader.isStreaming()) {
            auditing = true;
            audit.ifPresent(found -> found.start(handler));
            partitions.start();
        }
    }

    private Exception explained(SQLException failure) {
        if (QUERY_CANCELED.equals(failure.getSQLState()) && !reader.isStreaming()) {
            return new SQLException(
                    "the replication slot " + settings.slot() + " was not there any more when the stream was opened",
                    failure.getSQLState(),
                    failure);
        }
        if (ReplicationSlot.IN_USE.equals(failure.getSQLState())) {
            return new SourceBusyException("the replication slot " + settings.slot() + " is read by "
                    + position.holder().map(Object::toString).orElse("another relay"));
        }
        return new SQLException(
                "the stream from the log ended: " + failure.getMessage(), failure.getSQLState(), failure);
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
}
