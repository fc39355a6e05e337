package io.outboxrelay.source.pgoutput;

import java.sql.SQLException;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;

import io.outboxrelay.api.PositionLostException;
import io.outboxrelay.postgres.Checkpoint;
import io.outboxrelay.postgres.FirstRows;
import io.outboxrelay.postgres.LogPosition;
import io.outboxrelay.postgres.Lsn;
import io.outboxrelay.postgres.Progress;
import io.outboxrelay.postgres.Unsettled;

/**
 * Moves the position behind what is settled: first the checkpoint, then the slot. Also tells the server once per
 * {@code status-interval} how far that is, whether or not anything is read, and asks it for an answer. Used by the thread that
 * reads, but for what says otherwise.
 */
final class Acknowledger {

    /** More often there is nothing to see. */
    private static final long LOOK_NANOS = TimeUnit.MILLISECONDS.toNanos(2);

    private final String publication;
    private final LogPosition position;
    private final FirstRows first;
    private final Progress progress;
    private final long statusNanos;
    private final PositionWriter writer;
    private final Unsettled<Lsn> unsettled;

    private ReplicationStream stream;
    private Lsn confirmed;
    private Lsn complete;
    private long lookedAt = System.nanoTime() - LOOK_NANOS;
    private long askedAt;

    /**
     * @param start where the stream begins
     * @param first what is to be settled before the slot may move at all
     * @param settled told whenever a batch was settled, by whoever settled it
     */
    Acknowledger(
            PgoutputSettings settings,
            LogPosition position,
            Checkpoint start,
            FirstRows first,
            Progress progress,
            Runnable settled) {
        this.publication = settings.reader().publication();
        this.position = position;
        this.first = first;
        this.progress = progress;
        this.statusNanos = settings.statusInterval().toNanos();
        this.writer = new PositionWriter(position, start, settings.reader().positionInterval());
        this.unsettled = new Unsettled<>(settled);
        this.confirmed = start.settled();
        this.complete = start.settled();
    }

    /** The stream is open; from now on only this writes the position. */
    void begin(ReplicationStream opened) {
        stream = opened;
        askedAt = System.nanoTime();
        writer.start();
    }

    /** Everything that committed before that place was read: the end of a transaction, or where the server says it is. */
    void read(long place) {
        Lsn now = new Lsn(place);
        if (now.isAfter(complete)) {
            complete = now;
        }
    }

    /** A batch was handed over, which ends behind what was read as a whole. */
    void add(CompletionStage<Void> settled) {
        unsettled.add(complete, settled);
    }

    /** A batch of what the table held was handed over. */
    void addFirst(CompletionStage<Void> settled) {
        first.add(settled);
        unsettled.add(null, settled);
    }

    /**
     * Looks after all of it, if it was not just done.
     *
     * @param isAll whether all that was read was handed over too
     * @throws SQLException if the position cannot be written, or the server has gone
     * @throws PositionLostException as {@link #requireWhole} says
     */
    void look(long now, boolean isAll) throws SQLException, PositionLostException {
        if (now - lookedAt < LOOK_NANOS) {
            return;
        }
        lookedAt = now;
        requireWhole();
        progress.reached(stream.received());
        writer.requireWell();
        if (first.isSettled()) {
            writer.handedOver();
        }
        unsettled.takeSettled().ifPresent(writer::settled);
        boolean asks = now - askedAt >= statusNanos;
        // Not more often: each write of the position is something new in the log, which the position could follow.
        if (asks && isAll && unsettled.isEmpty()) {
            writer.settled(complete);
        }
        Checkpoint written = writer.written();
        if (written.phase() == Checkpoint.Phase.STREAMING && written.settled().isAfter(confirmed)) {
            confirmed = written.settled();
            stream.confirm(confirmed);
            askedAt = now;
        } else if (asks) {
            stream.ask();
            askedAt = now;
        }
    }

    /** @throws PositionLostException if the server has passed rows over: then nothing behind them may be relayed or confirmed */
    void requireWhole() throws SQLException, PositionLostException {
        if (stream.hasPassedOver(publication)) {
            throw position.passedOver(writer.written(), publication);
        }
    }

    /** Whether all that was handed over is settled. Any thread may ask. */
    boolean isSettled() {
        return unsettled.isEmpty();
    }

    /** The last checkpoint that was written. Any thread may ask. */
    Checkpoint checkpoint() {
        return writer.written();
    }

    /** Writes nothing more. Whether it has ended: a statement may be running. Any thread may call it. */
    boolean end(Duration atMost) throws InterruptedException {
        return writer.close(atMost);
    }

    /**
     * After the end, and that of the thread that reads: the checkpoint at which the slot is to stand, written or not. What the
     * server was told last may not have reached it: a connection that is closed before all that came was read is reset, and
     * the server loses what it had not read either. Empty while what the table held is not settled.
     *
     * @param isAll whether all that was read was handed over too, and nothing was passed over
     */
    Optional<Checkpoint> last(boolean isAll) throws SQLException {
        if (first.isSettled()) {
            writer.handedOver();
        }
        unsettled.takeSettled().ifPresent(writer::settled);
        if (isAll && unsettled.isEmpty()) {
            writer.settled(complete);
        }
        return writer.last();
    }
}
