package io.outboxrelay.postgres;

import java.util.Optional;
import java.util.concurrent.CompletionStage;

/**
 * What was handed over and is not settled, in order. Each batch carries a mark: what may be said of the log once this batch
 * and all before it are settled. Safe for use by many threads.
 *
 * @param <M> a mark
 */
public final class Unsettled<M> {

    private final Runnable changed;

    /** From the oldest to the newest; of neighbours that are settled only the newest. */
    private Batch<M> oldest;

    private Batch<M> newest;

    /** How many are not settled. */
    private int open;

    /** @param changed told whenever a batch was settled, or has failed, by whoever settled it; must not block */
    public Unsettled(Runnable changed) {
        this.changed = changed;
    }

    /**
     * The batch was handed over.
     *
     * @param mark null if nothing new may be said once it is settled
     * @param settled completes when all of it is settled. One that fails stays unsettled, and everything after it
     */
    public void add(M mark, CompletionStage<?> settled) {
        Batch<M> batch = append(mark);
        settled.whenComplete((nothing, failure) -> {
            if (failure == null) {
                settle(batch);
            }
            changed.run();
        });
    }

    /**
     * Takes out the batches, from the oldest, that are settled without a gap, and returns the mark of the last. Empty if
     * there are none, or that one has no mark.
     */
    public synchronized Optional<M> takeSettled() {
        M last = null;
        while (oldest != null && oldest.settled) {
            last = oldest.mark;
            remove(oldest);
        }
        return Optional.ofNullable(last);
    }

    /** Whether all of it is settled. */
    public synchronized boolean isEmpty() {
        return open == 0;
    }

    /** How many batches are remembered. */
    public synchronized int size() {
        int size = 0;
        for (Batch<M> batch = oldest; batch != null; batch = batch.later) {
            size++;
        }
        return size;
    }

    private synchronized Batch<M> append(M mark) {
        Batch<M> batch = new Batch<>(mark, newest);
        if (newest == null) {
            oldest = batch;
        } else {
            newest.later = batch;
        }
        newest = batch;
        open++;
        return batch;
    }

    /** Merges it with its neighbours: else, behind one batch that waits for an operator, the marks of all others would fill the memory. */
    private synchronized void settle(Batch<M> batch) {
        batch.settled = true;
        open--;
        if (batch.earlier != null && batch.earlier.settled) {
            remove(batch.earlier);
        }
        if (batch.later != null && batch.later.settled) {
            remove(batch);
        }
    }

    private void remove(Batch<M> batch) {
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

    private static final class Batch<M> {
        final M mark;
        Batch<M> earlier;
        Batch<M> later;
        boolean settled;

        Batch(M mark, Batch<M> earlier) {
            this.mark = mark;
            this.earlier = earlier;
        }
    }
}
