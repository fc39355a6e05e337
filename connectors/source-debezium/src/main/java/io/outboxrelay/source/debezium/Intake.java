package io.outboxrelay.source.debezium;

import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;

import io.outboxrelay.postgres.Lsn;

/**
 * What was taken from the log and is not settled yet, and where to stop taking. Pure bookkeeping: one thread takes, any
 * thread may stop.
 *
 * <p>Every record of the engine tells how far the log was complete before it: a transaction's rows all carry the end of
 * the transaction before, and whatever follows them carries their own transaction's end, or a later place. So a
 * transaction is known to be complete, and its end is known, only once something follows it.
 */
final class Intake<R> {

    /** From the oldest to the newest; of neighbours that are settled only the newest. */
    private Batch<R> oldest;

    private Batch<R> newest;

    /** Whether rows of a transaction were taken that nothing has followed yet. */
    private boolean inTransaction;

    private long lastRowAfter;

    /** All that ended up to here was taken. */
    private long complete;

    private boolean taking;
    private boolean stopping;

    /** Nothing more is taken: the place to stop at was found. */
    private boolean cut;

    private boolean closed;

    /** Brackets the taking of a batch, which {@link #awaitSettled} waits for. False if nothing more is taken. */
    synchronized boolean begin() {
        taking = !cut && !closed;
        return taking;
    }

    /**
     * Looks at the next record.
     *
     * @param after how far the log is complete before it; 0 if it does not tell
     * @return false if it must not be taken, nor any that follows
     */
    synchronized boolean admits(long after) {
        if (cut || closed) {
            return false;
        }
        if (after != 0) {
            inTransaction &= after == lastRowAfter;
            complete = after;
        }
        cut = stopping && !inTransaction;
        return !cut;
    }

    /** The record that was just admitted is a row of the outbox, and is being taken. */
    synchronized void row(long after) {
        inTransaction = true;
        lastRowAfter = after;
    }

    /**
     * The batch was handed over.
     *
     * @param last its last record; null for rows that are not of the log
     * @param settled completes when all of it is settled
     */
    synchronized void add(R last, CompletionStage<?> settled) {
        Batch<R> batch = new Batch<>(last, newest);
        if (newest == null) {
            oldest = batch;
        } else {
            newest.later = batch;
        }
        newest = batch;
        settled.whenComplete((nothing, failure) -> settled(batch, failure == null));
    }

    /** The end of the bracket. */
    synchronized void end() {
        taking = false;
        notifyAll();
    }

    /** Takes out the batches, from the oldest, that are settled without a gap, and returns the last record of the last, if it has one. */
    synchronized Optional<R> takeSettled() {
        R last = null;
        while (oldest != null && oldest.settled) {
            last = oldest.last;
            remove(oldest);
        }
        return Optional.ofNullable(last);
    }

    /** Whether nothing more is taken. */
    synchronized boolean isEnded() {
        return cut || closed;
    }

    /** Whether nothing more is wanted at once. */
    synchronized boolean isClosed() {
        return closed;
    }

    /** Takes no more than the transaction that was begun. */
    synchronized void stop() {
        stopping = true;
        cut |= !inTransaction;
    }

    /**
     * After {@link #stop}: waits until the last transaction is complete and all is settled.
     *
     * @return where all is settled; empty if it was not in time, or was closed
     */
    synchronized Optional<Lsn> awaitSettled(Duration atMost) throws InterruptedException {
        long deadline = System.nanoTime() + atMost.toNanos();
        while (!closed && (!cut || taking || !allSettled())) {
            long left = deadline - System.nanoTime();
            if (left <= 0) {
                return Optional.empty();
            }
            TimeUnit.NANOSECONDS.timedWait(this, left);
        }
        return closed ? Optional.empty() : Optional.of(new Lsn(complete));
    }

    /** Takes nothing more, whatever was begun. */
    synchronized void close() {
        closed = true;
        notifyAll();
    }

    private boolean allSettled() {
        for (Batch<R> batch = oldest; batch != null; batch = batch.later) {
            if (!batch.settled) {
                return false;
            }
        }
        return true;
    }

    private synchronized void settled(Batch<R> batch, boolean normally) {
        // One that fails stays unsettled, and everything after it.
        batch.settled = normally;
        if (normally) {
            mergeWithNeighbours(batch);
        }
        notifyAll();
    }

    /** Else, behind one batch that waits for an operator, the records of all that is settled would fill the memory. */
    private void mergeWithNeighbours(Batch<R> batch) {
        if (batch.earlier != null && batch.earlier.settled) {
            remove(batch.earlier);
        }
        if (batch.later != null && batch.later.settled) {
            remove(batch);
        }
    }

    private void remove(Batch<R> batch) {
        if (batch.earlier == null) {
            oldest = batch.later;
        } else {
            batch.earlier.later = batch.later;
        }
        if (batch.later == null) {
            newest = batch.earlier;
        } else {
            batch.later.earlier = batch.earlier;
        }
    }

    /** How many batches are remembered. */
    synchronized int size() {
        int size = 0;
        for (Batch<R> batch = oldest; batch != null; batch = batch.later) {
            size++;
        }
        return size;
    }

    private static final class Batch<R> {
        final R last;
        Batch<R> earlier;
        Batch<R> later;
        boolean settled;

        Batch(R last, Batch<R> earlier) {
            this.last = last;
            this.earlier = earlier;
        }
    }
}
