package io.outboxrelay.postgres;

import java.sql.SQLException;
import java.time.Duration;
import java.util.Optional;

import io.outboxrelay.api.EventHandler;
import io.outboxrelay.api.OutboxDatabase;

/**
 * One stream from the log, in the way of one kind of source. It reads on threads of its own, hands rows over, and moves the
 * position behind what is settled, by itself; whoever opened it looks after it, and ends it.
 */
public interface LogStream {

    /** Opens streams of one kind. Connects to nothing yet. */
    @FunctionalInterface
    interface Opener {

        /**
         * A stream for one run.
         *
         * @param position whose checkpoint the stream writes while it runs, and nobody else
         * @param start where it goes on
         * @param cleanup which rows pass through before they count as settled
         * @param progress is told whatever shows that the stream moves
         */
        LogStream open(
                OutboxDatabase database,
                LogPosition position,
                LogStart start,
                EventHandler handler,
                Cleanup cleanup,
                Progress progress);
    }

    /** Begins to read. Called once. */
    void start();

    /** Whether it has ended within that time. */
    boolean awaitEnd(Duration atMost) throws InterruptedException;

    /** Why it has ended by itself: the one clear cause. */
    Exception cause();

    /** Whether the handler was told that rows come. */
    boolean isStreaming();

    /** The last checkpoint that was written. */
    Checkpoint checkpoint();

    /**
     * Takes no more than the transaction that was begun, and waits until all is settled. Called by another thread than
     * {@link #start}'s.
     *
     * @return false if it was not in time, or the stream was closed
     */
    boolean settle(Duration atMost) throws InterruptedException;

    /** Takes nothing more, whatever was begun. Does not wait. */
    void close();

    /** Ends it, in whatever state it is, and waits. Called again until it has ended. */
    boolean end(Duration atMost) throws InterruptedException;

    /**
     * Up to where all is settled, after the end: where the position is to stand.
     *
     * @return empty if it is sure to stand there already, or what the table holds was not handed over whole
     */
    Optional<Checkpoint> settled() throws SQLException;
}
