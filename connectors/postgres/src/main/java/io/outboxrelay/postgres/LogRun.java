package io.outboxrelay.postgres;

import java.sql.SQLException;
import java.time.Duration;
import java.util.Optional;
import java.util.function.BooleanSupplier;

import io.outboxrelay.api.Code;
import io.outboxrelay.api.CodedSqlException;
import io.outboxrelay.api.EventHandler;
import io.outboxrelay.api.OutboxDatabase;
import io.outboxrelay.api.SourceStatus;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** One run over the log, from its opening to its end: the stream, and what looks after it. */
final class LogRun {

    private static final Logger log = LoggerFactory.getLogger(LogRun.class);

    private static final Duration LOOK = Duration.ofSeconds(1);
    private static final Duration CLOSE_LIMIT = Duration.ofSeconds(60);

    /** A stream that has not ended by then may be waiting for the server. */
    private static final Duration CLOSE_PATIENCE = Duration.ofSeconds(1);

    private static final Duration RELEASE_LIMIT = Duration.ofSeconds(5);

    private final LogPosition position;
    private final LogStart start;
    private final EventHandler handler;
    private final Progress progress = new Progress();
    private final Lag lag = new Lag();
    private final StallWatch stalls;
    private final SlotWatch slot;
    private final Cleanup cleanup;
    private final LogStream stream;
    private final Optional<Audit> audit;
    private final Partitions partitions;

    private boolean auditing;

    /**
     * Opens the stream.
     *
     * @param application what the stream's session calls itself
     */
    LogRun(
            OutboxDatabase database,
            LogReaderSettings settings,
            String application,
            LogStream.Opener opener,
            LogPosition position,
            LogStart start,
            EventHandler handler) {
        this.position = position;
        this.start = start;
        this.handler = handler;
        this.stalls = new StallWatch(
                database.dataSource(), settings.slot(), application, progress, settings.progressTimeout());
        this.slot = new SlotWatch(database.dataSource(), settings.slot());
        this.cleanup = Cleanup.ofLogReader(database);
        this.stream = opener.open(database, position, start, handler, cleanup, progress);
        this.audit = Audit.isPossible(database)
                ? Optional.of(new Audit(database, cleanup, this::settled, settings.auditAfter()))
                : Optional.empty();
        this.partitions = Partitions.ofLogReader(database, this::settled);
        log.info(
                "Reading {} from the replication slot {}, at {}{}",
                database.table(),
                settings.slot(),
                start.checkpoint().settled(),
                start.snapshot().isPresent() ? ", behind what the table holds" : "");
        stream.start();
    }

    /**
     * Looks after the stream until it ends.
     *
     * @param ending whether it was told to
     */
    void watch(BooleanSupplier ending) throws SQLException, InterruptedException {
        while (!stream.awaitEnd(LOOK)) {
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

    /** Why the stream ended by itself. */
    Exception cause() {
        return stream.cause();
    }

    /** What is known of it. Any thread may ask. */
    SourceStatus status() {
        return new SourceStatus(
                lag.isCaughtUp(),
                slot.retained(),
                cleanup.removed(),
                audit.map(Audit::missed).orElse(0L));
    }

    /** Takes no more, from the log or for the audit, and waits until all is settled. Whether it was in time. */
    boolean settle(Duration atMost) throws InterruptedException {
        long deadline = System.nanoTime() + atMost.toNanos();
        boolean audited = audit.isEmpty() || audit.get().stop(atMost);
        return stream.settle(Duration.ofNanos(Math.max(0, deadline - System.nanoTime()))) && audited;
    }

    /** Takes nothing more, at once. */
    void takeNoMore() {
        stream.close();
    }

    /**
     * Ends the stream, and waits until it has ended. One that waits for the server to open would wait for as long as the
     * oldest transaction, and hold the slot: its process is ended.
     */
    void endStream() {
        try {
            long deadline = System.nanoTime() + CLOSE_LIMIT.toNanos();
            while (!stream.end(CLOSE_PATIENCE)) {
                if (System.nanoTime() - deadline > 0) {
                    log.warn(
                            "{} The stream did not end within {} s and is left behind",
                            Code.ENGINE_NOT_ENDED,
                            CLOSE_LIMIT.toSeconds());
                    return;
                }
                endOpening();
            }
        } catch (InterruptedException e) {
            log.warn("{} Interrupted while the stream was ending; it ends by itself", Code.ENGINE_NOT_ENDED);
            Thread.currentThread().interrupt();
        }
    }

    /**
     * Moves the position to what is settled, after the stream has ended.
     *
     * @return false if it could not be moved
     */
    boolean move(long deadline) throws InterruptedException {
        try {
            Optional<Checkpoint> last = stream.settled();
            if (last.isPresent()) {
                position.settle(last.get());
                advance(last.get(), Math.max(deadline, System.nanoTime() + RELEASE_LIMIT.toNanos()));
                log.info("Stopped reading; all is settled up to {}", last.get().settled());
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
        endStream();
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
        if (stream.isStreaming()) {
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
        return Optional.of(stream.checkpoint())
                .filter(checkpoint -> checkpoint.phase() == Checkpoint.Phase.STREAMING)
                .map(Checkpoint::settled);
    }

    private void startAudit() {
        if (!auditing && stream.isStreaming()) {
            auditing = true;
            audit.ifPresent(found -> found.start(handler));
            partitions.start();
        }
    }

    /** The server needs a moment to notice that the reader has left. */
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
