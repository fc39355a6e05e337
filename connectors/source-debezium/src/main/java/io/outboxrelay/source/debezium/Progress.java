package io.outboxrelay.source.debezium;

import java.time.Duration;
import java.util.Map;

import io.outboxrelay.postgres.Lsn;

/**
 * Whether the stream still moves. Heartbeat records alone do not show it: the engine makes them whatever the server does.
 * What shows it is that the place in the log changes, since each heartbeat writes something into the log.
 */
final class Progress {

    private Object place;
    private long movedAt = System.nanoTime();
    private boolean paused;
    private int backend;

    /** The stream is open. */
    synchronized void streaming(int pid) {
        backend = pid;
        movedAt = System.nanoTime();
    }

    /** A record came with this offset. */
    synchronized void reached(Map<String, ?> offset) {
        Object now = offset.get("lsn");
        if (now != null && !now.equals(place)) {
            place = now;
            movedAt = System.nanoTime();
        }
    }

    /** How far the stream has come in the log; 0 before the first record. */
    synchronized Lsn place() {
        return new Lsn(place instanceof Long lsn ? lsn : 0);
    }

    /** From now on it is delivery that the stream waits for. */
    synchronized void pause() {
        paused = true;
    }

    /** And now no more. */
    synchronized void goOn() {
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
