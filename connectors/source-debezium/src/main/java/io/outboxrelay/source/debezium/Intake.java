package io.outboxrelay.source.debezium;

import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;

import io.outboxrelay.postgres.Lsn;
import io.outboxrelay.postgres.Unsettled;

/**
 * What was taken from the log and is not settled yet, and where to stop taking. Pure bookkeeping: one thread takes, any
 * thread may stop.
 *
 * <p>Every record of the engine tells how far the log was complete before it: a transaction's rows all carry the end of
 * the transaction before, and whatever follows them carries their own transaction's end, or a later place. So a
 * transaction is known to be complete, and its end is known, only once something follows it.
 */
final class Intake<R> {

    private final Unsettled<R> unsettled = new Unsettled<>(this::changed);

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
    void add(R last, CompletionStage<?> settled) {
        unsettled.add(last, settled);
    }

    /** The end of the bracket. */
    synchronized void end() {
        taking = false;
        notifyAll();
    }

    /** Takes out the batches, from the oldest, that are settled without a gap, and returns the last record of the last, if it has one. */
    Optional<R> takeSettled() {
        return unsettled.takeSettled();
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
        while (!closed && (!cut || taking || !unsettled.isEmpty())) {
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

    private synchronized void changed() {
        notifyAll();
    }
}
