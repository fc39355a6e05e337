package io.outboxrelay.source.pgoutput;

import java.sql.SQLException;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

import io.outboxrelay.postgres.Checkpoint;
import io.outboxrelay.postgres.LogPosition;
import io.outboxrelay.postgres.Lsn;

/**
 * Writes the checkpoint on a thread of its own, so that a commit that takes long keeps nobody from reading, or from
 * answering the server. Safe for use by many threads.
 */
final class PositionWriter {

    private final LogPosition position;
    private final Duration interval;
    private final Thread thread;

    private volatile Checkpoint written;
    private Lsn settled;
    private boolean handedOver;
    private boolean closed;
    private SQLException failure;

    /** @param start the checkpoint that is there */
    PositionWriter(LogPosition position, Checkpoint start, Duration interval) {
        this.position = position;
        this.written = start;
        this.settled = start.settled();
        this.interval = interval;
        this.thread = new Thread(this::work, "outbox-relay-position");
        thread.setDaemon(true);
    }

    /** Begins to write. */
    void start() {
        thread.start();
    }

    /** The last checkpoint that was written. The slot may be moved there. */
    Checkpoint written() {
        return written;
    }

    /** All that ended up to there is settled. Written once what the table held is settled too. */
    synchronized void settled(Lsn upTo) {
        if (upTo.isAfter(settled)) {
            settled = upTo;
            notifyAll();
        }
    }

    /** What the table held is settled: from now on the slot is the whole truth. */
    synchronized void handedOver() {
        if (!handedOver) {
            handedOver = true;
            notifyAll();
        }
    }

    /** @throws SQLException if it could not be written: nothing more is */
    synchronized void requireWell() throws SQLException {
        if (failure != null) {
            throw failure;
        }
    }

    /** Ends. Whether it has: a statement may be running. */
    boolean close(Duration atMost) throws InterruptedException {
        synchronized (this) {
            closed = true;
            notifyAll();
        }
        thread.join(Math.max(1, atMost.toMillis()));
        return !thread.isAlive();
    }

    /**
     * After the end: the last checkpoint, written or still to be written. Ends the hand-over where it is due; empty where it
     * is not.
     */
    synchronized Optional<Checkpoint> last() throws SQLException {
        Optional<Checkpoint> next = next();
        if (next.isPresent() && written.phase() == Checkpoint.Phase.HANDOVER) {
            position.settle(next.get());
            written = next.get();
            next = next();
        }
        return written.phase() == Checkpoint.Phase.HANDOVER ? Optional.empty() : Optional.of(next.orElse(written));
    }

    private void work() {
        try {
            for (Optional<Checkpoint> next = await(); next.isPresent(); next = await()) {
                position.settle(next.get());
                written = next.get();
                pause();
            }
        } catch (InterruptedException e) {
            fail(new SQLException("interrupted while the position was written", e));
        } catch (SQLException e) {
            fail(e);
        } catch (RuntimeException | Error e) {
            fail(new SQLException("the position could not be written: " + e, e));
        }
    }

    /** Empty once closed. */
    private synchronized Optional<Checkpoint> await() throws InterruptedException {
        while (!closed && next().isEmpty()) {
            wait();
        }
        return closed ? Optional.empty() : next();
    }

    private synchronized void pause() throws InterruptedException {
        long deadline = System.nanoTime() + interval.toNanos();
        for (long left = interval.toNanos(); !closed && left > 0; left = deadline - System.nanoTime()) {
            TimeUnit.NANOSECONDS.timedWait(this, left);
        }
    }

    /** The phase changes only at the place where the checkpoint stands; then the place may move. */
    private synchronized Optional<Checkpoint> next() {
        Checkpoint last = written;
        if (last.phase() == Checkpoint.Phase.HANDOVER) {
            return handedOver ? Optional.of(last.streaming()) : Optional.empty();
        }
        return settled.isAfter(last.settled()) ? Optional.of(last.at(settled)) : Optional.empty();
    }

    private synchronized void fail(SQLException reason) {
        failure = reason;
    }
}
