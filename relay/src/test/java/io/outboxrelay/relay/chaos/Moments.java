package io.outboxrelay.relay.chaos;

import java.time.Duration;
import java.util.concurrent.locks.LockSupport;

/** Time that goes by because a plan says so, not because something is waited for. */
final class Moments {

    private Moments() {}

    /** Returns early when the thread is interrupted. */
    static void pass(Duration time) {
        long end = System.nanoTime() + time.toNanos();
        for (long left = time.toNanos();
                left > 0 && !Thread.currentThread().isInterrupted();
                left = end - System.nanoTime()) {
            LockSupport.parkNanos(left);
        }
    }
}
