package io.outboxrelay.source.pgoutput;

import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;

/** Whether the reader is to end, and where it has: between two transactions, or anywhere. Safe for use by many threads. */
final class Stopping {

    private volatile boolean stopping;
    private volatile boolean cut;
    private volatile boolean closed;

    /** Whether no more is to be taken than the transaction that was begun. */
    boolean isStopping() {
        return stopping;
    }

    /** Whether nothing more is to be taken, whatever was begun. */
    boolean isClosed() {
        return closed;
    }

    /**
     * The reader asks before it reads on.
     *
     * @param isBetween whether it stands between two transactions, and has handed over all that it read
     * @return true if it must not
     */
    boolean isCutHere(boolean isBetween) {
        if (stopping && isBetween && !closed) {
            synchronized (this) {
                cut = true;
                notifyAll();
            }
        }
        return cut || closed;
    }

    /** Whether the reader has ended between two transactions, and has handed over all that it read. */
    boolean isCut() {
        return cut;
    }

    /** Something has changed that somebody may wait for. */
    synchronized void changed() {
        notifyAll();
    }

    /**
     * Stops the reader, and waits until it has and all is settled.
     *
     * @param isSettled whether all that was handed over is; {@link #changed} tells of it
     * @return false if it was not in time, or was closed
     */
    synchronized boolean stop(Duration atMost, BooleanSupplier isSettled) throws InterruptedException {
        stopping = true;
        long deadline = System.nanoTime() + atMost.toNanos();
        while (!closed && !(cut && isSettled.getAsBoolean())) {
            long left = deadline - System.nanoTime();
            if (left <= 0) {
                return false;
            }
            TimeUnit.NANOSECONDS.timedWait(this, left);
        }
        return !closed;
    }

    /** Takes nothing more, whatever was begun. */
    synchronized void close() {
        closed = true;
        notifyAll();
    }
}
