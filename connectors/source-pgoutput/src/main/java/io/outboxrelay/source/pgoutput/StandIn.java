package io.outboxrelay.source.pgoutput;

import java.sql.SQLException;
import java.time.Duration;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Answers the server while the thread that reads is kept by something else, such as a hand-over that waits for the broker:
 * that thread lends it the stream, so that one of them touches it at a time.
 */
final class StandIn implements AutoCloseable {

    private static final Logger log = LoggerFactory.getLogger(StandIn.class);

    private final ReplicationStream stream;
    private final Duration interval;
    private final Thread thread;

    private boolean lent;
    private long since;
    private boolean closed;

    /** @param interval how often the server is answered */
    StandIn(ReplicationStream stream, Duration interval) {
        this.stream = stream;
        this.interval = interval;
        this.thread = new Thread(this::work, "outbox-relay-stand-in");
        thread.setDaemon(true);
    }

    void start() {
        thread.start();
    }

    /** Does something that may take long, and does not touch the stream. */
    <T> T during(Callable<T> work) throws Exception {
        lend();
        try {
            return work.call();
        } finally {
            takeBack();
        }
    }

    /** From now on it touches the stream no more. */
    @Override
    public synchronized void close() {
        closed = true;
        notifyAll();
    }

    private synchronized void lend() {
        lent = true;
        since = System.nanoTime();
    }

    private synchronized void takeBack() {
        lent = false;
    }

    /** Nobody wakes it: it looks again and again, since the stream is lent for every batch, and hardly ever for long. */
    private synchronized void work() {
        try {
            while (!closed) {
                TimeUnit.NANOSECONDS.timedWait(this, interval.toNanos());
                if (lent && !closed && System.nanoTime() - since >= interval.toNanos()) {
                    stream.ask();
                }
            }
        } catch (InterruptedException | SQLException | RuntimeException e) {
            // Whoever reads next finds out by itself.
            log.debug("The server is answered no more", e);
        }
    }
}
