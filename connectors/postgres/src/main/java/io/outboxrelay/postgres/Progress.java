package io.outboxrelay.postgres;

import java.time.Duration;

/**
 * Whether the stream still moves. What shows it is that the place in the log changes, since a healthy stream's place does
 * once a second at least. Safe for use by many threads.
 */
public final class Progress {

    private long place;
    private long movedAt = System.nanoTime();
    private boolean paused;
    private int backend;

    /** Nothing has come yet. */
    public Progress() {}

    /** The stream is open; the server's process has that number. */
    public synchronized void streaming(int pid) {
        backend = pid;
        movedAt = System.nanoTime();
    }

    /** Something came from this place of the log. */
    public synchronized void reached(long lsn) {
        if (lsn != place) {
            place = lsn;
            movedAt = System.nanoTime();
        }
    }

    /** How far the stream has come in the log; 0 before anything has come. */
    synchronized Lsn place() {
        return new Lsn(place);
    }

    /** From now on it is delivery that the stream waits for. */
    public synchronized void pause() {
        paused = true;
    }

    /** And now no more. */
    public synchronized void goOn() {
        paused = false;
        movedAt = System.nanoTime();
    }

    /** The server was seen to be at work. */
    synchronized void excuse() {
        movedAt = System.nanoTime();
    }

    /** How long the stream has stood still, although nothing holds it up on this side. */
    synchronized Duration still() {
        return paused ? Duration.ZERO : Duration.ofNanos(System.nanoTime() - movedAt);
    }

    /** The server's process that streams; 0 if it is not known yet. */
    synchronized int backend() {
        return backend;
    }
}
