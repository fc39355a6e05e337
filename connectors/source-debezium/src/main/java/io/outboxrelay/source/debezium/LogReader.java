package io.outboxrelay.source.debezium;

import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BooleanSupplier;

import io.debezium.engine.ChangeEvent;
import io.debezium.engine.DebeziumEngine;
import io.outboxrelay.api.Code;
import io.outboxrelay.api.EventHandler;
import io.outboxrelay.api.OutboxEvent;
import io.outboxrelay.api.PositionLostException;
import io.outboxrelay.postgres.Checkpoint;
import io.outboxrelay.postgres.Cleanup;
import io.outboxrelay.postgres.FirstRows;
import io.outboxrelay.postgres.LogPosition;
import io.outboxrelay.postgres.Lsn;
import io.outboxrelay.postgres.Progress;
import io.outboxrelay.postgres.ReplicationSlot;
import io.outboxrelay.postgres.RowKey;
import org.apache.kafka.connect.source.SourceRecord;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The engine's consumer: hands over rows, and moves the position behind what is settled. All on the engine's one polling
 * thread.
 *
 * <p>The engine writes into the slot what was marked, whenever it likes: on empty polls, and while it stops. So nothing
 * is marked that the checkpoint does not hold already. To mark the last record of what is settled is enough: the engine
 * keeps the last one only.
 */
final class LogReader implements DebeziumEngine.ChangeConsumer<ChangeEvent<SourceRecord, SourceRecord>> {

    private static final Logger log = LoggerFactory.getLogger(LogReader.class);

    /** How often a wait for room looks whether the source was closed. */
    private static final Duration LOOK = Duration.ofMillis(100);

    /** How often updates are named in the log at most. */
    private static final Duration TELL_AGAIN = Duration.ofSeconds(10);

    private final EventHandler handler;
    private final RowMapper rows;
    private final LogPosition position;
    private final FirstRows first;
    private final Cleanup cleanup;
    private final Duration positionInterval;
    private final Intake<ChangeEvent<SourceRecord, SourceRecord>> intake;
    private final Progress progress;
    private final AtomicReference<Exception> failure = new AtomicReference<>();

    private volatile Checkpoint checkpoint;
    private volatile ReplicationSlot streamed;
    private ChangeEvent<SourceRecord, SourceRecord> unwritten;
    private long writtenAt = System.nanoTime();
    private long transactionAfter;
    private int rowsInTransaction;
    private long updates;
    private long updatesToldAt = System.nanoTime() - TELL_AGAIN.toNanos();

    /**
     * @param checkpoint where the run goes on
     * @param first what comes before it
     * @param cleanup which rows pass through before they count as settled
     */
    LogReader(
            EventHandler handler,
            RowMapper rows,
            LogPosition position,
            Checkpoint checkpoint,
            FirstRows first,
            Cleanup cleanup,
            Duration positionInterval,
            Intake<ChangeEvent<SourceRecord, SourceRecord>> intake,
            Progress progress) {
        this.handler = handler;
        this.rows = rows;
        this.position = position;
        this.checkpoint = checkpoint;
        this.first = first;
        this.cleanup = cleanup;
        this.positionInterval = positionInterval;
        this.intake = intake;
        this.progress = progress;
    }

    /** Why the reader gave up, if it did: clearer than what the engine makes of it. */
    Optional<Exception> failure() {
        return Optional.ofNullable(failure.get());
    }

    /** The last checkpoint that was written. */
    Checkpoint checkpoint() {
        return checkpoint;
    }

    /** Whether the handler was told that rows come. */
    boolean isStreaming() {
        return streamed != null;
    }

    /** How far all is settled without a gap. Only after the engine has ended. */
    Optional<Lsn> settledSoFar() {
        return intake.takeSettled()
                .or(() -> Optional.ofNullable(unwritten))
                .map(last -> new Lsn(completeBefore(last.value())));
    }

    /**
     * Ends the hand-over from the table, once all of its rows are settled: from then on the slot is the whole truth. Not
     * while the engine calls this reader on another thread.
     *
     * @return whether it has ended
     */
    boolean endHandOver() throws SQLException {
        if (checkpoint.phase() == Checkpoint.Phase.HANDOVER && first.isSettled()) {
            Checkpoint streaming = checkpoint.streaming();
            position.settle(streaming);
            checkpoint = streaming;
        }
        return checkpoint.phase() == Checkpoint.Phase.STREAMING;
    }

    @Override
    public void handleBatch(
            List<ChangeEvent<SourceRecord, SourceRecord>> records,
            DebeziumEngine.RecordCommitter<ChangeEvent<SourceRecord, SourceRecord>> committer)
            throws InterruptedException {
        if (!intake.begin()) {
            return;
        }
        boolean taken = false;
        try {
            if (streamed == null) {
                begin();
            }
            if (takeFirst(committer)) {
                acknowledge(committer);
                take(records, committer);
            }
            taken = true;
            acknowledge(committer);
        } catch (InterruptedException e) {
            throw e;
        } catch (Exception e) {
            // Wrapped, since Connect would try again what is a RetriableException, and drop the batch.
            failure.compareAndSet(null, e);
            intake.close();
            throw new IllegalStateException("rows could not be handed over", e);
        } finally {
            if (!taken) {
                // A stop must not count as settled what was looked at and never handed over.
                intake.close();
            }
            intake.end();
        }
    }

    /** The first record shows that the stream is open. */
    private void begin() throws SQLException, PositionLostException {
        ReplicationSlot slot = position.verify(checkpoint);
        transactionAfter = slot.confirmed().map(Lsn::value).orElse(0L);
        progress.streaming(slot.activePid().orElseThrow());
        handler.streaming();
        streamed = slot;
    }

    /** False if the source was ended before all of them were handed over: then nothing of the log may follow. */
    private boolean takeFirst(DebeziumEngine.RecordCommitter<ChangeEvent<SourceRecord, SourceRecord>> committer)
            throws Exception {
        while (!first.isComplete()) {
            List<OutboxEvent> page = first.next();
            if (page.isEmpty()) {
                break;
            }
            if (!awaitRoom(committer, intake::isEnded)) {
                return false;
            }
            CompletionStage<Void> settled =
                    deliver(page, page.stream().map(RowKey::seen).toList());
            first.add(settled);
            intake.add(null, settled);
        }
        return true;
    }

    private void take(
            List<ChangeEvent<SourceRecord, SourceRecord>> records,
            DebeziumEngine.RecordCommitter<ChangeEvent<SourceRecord, SourceRecord>> committer)
            throws Exception {
        List<OutboxEvent> events = new ArrayList<>(records.size());
        List<RowKey> keys = new ArrayList<>(cleanup.isNeeded() ? records.size() : 0);
        ChangeEvent<SourceRecord, SourceRecord> last = null;
        for (ChangeEvent<SourceRecord, SourceRecord> change : records) {
            SourceRecord record = change.value();
            long after = completeBefore(record);
            if (!intake.admits(after)) {
                break;
            }
            last = change;
            if (rows.isRow(record)) {
                intake.row(after);
                row(record, after, events, keys);
            }
        }
        if (last == null) {
            return;
        }
        reached(last.value());
        if (events.isEmpty()) {
            intake.add(last, CompletableFuture.completedFuture(null));
        } else if (awaitRoom(committer, intake::isClosed)) {
            intake.add(last, deliver(events, keys));
        }
    }

    /** The engine makes its heartbeats whatever the server does; what shows that the stream moves is that their place changes. */
    private void reached(SourceRecord record) {
        if (record.sourceOffset().get("lsn") instanceof Long lsn) {
            progress.reached(lsn);
        }
    }

    private void row(SourceRecord record, long after, List<OutboxEvent> events, List<RowKey> keys) {
        if (after != 0 && after != transactionAfter) {
            transactionAfter = after;
            rowsInTransaction = 0;
        }
        if (rows.isInsert(record)) {
            events.add(rows.event(record, new RowPosition(transactionAfter, rows.lsn(record), rowsInTransaction++)));
            if (cleanup.isNeeded()) {
                keys.add(rows.key(record));
            }
        } else if (rows.isUpdate(record)) {
            updates++;
            tellUpdate(record);
        }
    }

    private void tellUpdate(SourceRecord record) {
        long now = System.nanoTime();
        if (now - updatesToldAt < TELL_AGAIN.toNanos()) {
            return;
        }
        updatesToldAt = now;
        log.error(
                "{} The row with id {} was updated, at {}; an event never changes, so nothing is relayed (update number {} of"
                        + " this run). Remedy: let the service insert a new row, and the publication publish inserts alone:"
                        + " ALTER PUBLICATION ... SET (publish = 'insert')",
                Code.ROW_UPDATED,
                rows.id(record),
                new Lsn(rows.lsn(record)),
                updates);
    }

    private CompletionStage<Void> deliver(List<OutboxEvent> events, List<RowKey> keys) throws InterruptedException {
        progress.pause();
        try {
            return cleanup.deliver(handler, events, keys, row -> {});
        } finally {
            progress.goOn();
        }
    }

    /** False if the source was ended meanwhile. */
    private boolean awaitRoom(
            DebeziumEngine.RecordCommitter<ChangeEvent<SourceRecord, SourceRecord>> committer, BooleanSupplier ended)
            throws Exception {
        progress.pause();
        try {
            while (!handler.awaitRoom(LOOK) || !cleanup.awaitRoom(LOOK)) {
                if (ended.getAsBoolean()) {
                    return false;
                }
                acknowledge(committer);
            }
            return !ended.getAsBoolean();
        } finally {
            progress.goOn();
        }
    }

    private void acknowledge(DebeziumEngine.RecordCommitter<ChangeEvent<SourceRecord, SourceRecord>> committer)
            throws Exception {
        if (!endHandOver()) {
            return;
        }
        intake.takeSettled().ifPresent(settled -> unwritten = settled);
        long now = System.nanoTime();
        if (unwritten == null || now - writtenAt < positionInterval.toNanos()) {
            return;
        }
        Lsn settled = new Lsn(completeBefore(unwritten.value()));
        if (settled.isAfter(checkpoint.settled())) {
            Checkpoint next = checkpoint.at(settled);
            position.settle(next);
            checkpoint = next;
            writtenAt = now;
            committer.markProcessed(unwritten);
            committer.markBatchFinished();
        }
        unwritten = null;
    }

    /**
     * How far the log is complete before the record: the end of the last transaction before the record's own. That is what
     * the engine confirms to the server once the record is marked.
     */
    private static long completeBefore(SourceRecord record) {
        Object commit = record.sourceOffset().get("lsn_commit");
        return commit instanceof Long lsn ? lsn : 0;
    }
}
