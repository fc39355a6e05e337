package io.outboxrelay.source.polling;

import java.time.Duration;
import java.util.concurrent.TimeUnit;

/** Wakes lanes that found nothing to do. Safe for use by many threads. */
final class Bell {

    private long rings;
    private int waiting;

    /** How often it has rung. */
    synchronized long rings() {
        return rings;
    }

    /** Waits until it has rung more often than that, at most so long. */
    synchronized void await(long heard, Duration atMost) throws InterruptedException {
        long deadline = System.nanoTime() + atMost.toNanos();
        waiting++;
        try {
            while (rings <= heard) {
                long left = deadline - System.nanoTime();
                if (left <= 0) {
                    return;
                }
                TimeUnit.NANOSECONDS.timedWait(this, left);
            }
        } finally {
            waiting--;
        }
    }

    /** Whether anybody waits for it. */
    synchronized boolean isAwaited() {
        return waiting > 0;
    }

    synchronized void ring() {
        rings++;
        notifyAll();
    }
}
