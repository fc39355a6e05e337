package io.outboxrelay.api;

import java.time.Duration;

/**
 * Streams committed outbox rows, oldest first, and owns its position. One instance is one run: who wants another run
 * opens another source.
 *
 * <ol>
 *   <li>Every committed row is handed over, none that was rolled back, and the rows of one aggregate in the order of
 *       their commits.
 *   <li>{@link EventHandler#deliver} is called by one thread per lane, in order.
 *   <li>The position moves over a batch only after its stage has completed, and never past an earlier batch.
 *   <li>What {@link OutboxDatabase#afterDelivery()} says happens to rows whose stage has completed, and before the
 *       position moves over them; a partition is dropped after it has moved over all its rows.
 *   <li>Whatever was not acknowledged is handed over again by the next run, in the same order.
 * </ol>
 */
public interface OutboxSource extends AutoCloseable {

    /**
     * Makes ready what takes long and disturbs nobody, so that another source may run on the outbox meanwhile: whatever
     * that one leaves unsent, {@link #run} hands over. Blocks. Called at most once, before {@link #run}, which does the
     * same itself where this was not called. Returns early if the source is closed meanwhile.
     *
     * @throws PositionLostException if the source has a position and rows may be missing from what can be read there
     * @throws Exception if the source failed; another may succeed
     */
    default void prepare() throws Exception {}

    /**
     * Streams until {@link #stop} or {@link #close} is called, then returns; or until the source fails, then throws.
     * Called once.
     *
     * @throws SourceBusyException if another relay reads this outbox
     * @throws PositionLostException if rows may lie between the position and what can still be read
     * @throws Exception if the source failed; another run may succeed
     */
    void run(EventHandler handler) throws Exception;

    /**
     * Ends the run in good order: takes no more, waits until what was handed over is settled, and moves the position
     * over it, so that the next run hands over nothing that was settled. Blocks; any thread may call it.
     *
     * @param atMost how long to wait for what is in flight
     * @return whether all was settled and the position moved; false leaves the rest to the next run
     */
    boolean stop(Duration atMost) throws InterruptedException;

    /** What the source knows of itself. Any thread may ask, at any time; never blocks. */
    default SourceStatus status() {
        return SourceStatus.UNKNOWN;
    }

    /** Ends the run at once, if it has not ended, and frees what it held. Never moves the position. Any thread may call it, and again. */
    @Override
    void close();
}
