package io.outboxrelay.testkit.workload;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/** Spreads events over time, for several threads. What was missed while nobody could write is not made up for. */
final class Pace {

    private final long nanosPerEvent;
    private long next = System.nanoTime();

    /** @param eventsPerSecond 0 for no limit */
    Pace(int eventsPerSecond) {
        this.nanosPerEvent = eventsPerSecond == 0 ? 0 : TimeUnit.SECONDS.toNanos(1) / eventsPerSecond;
    }

    /** Waits until so many events may be written. Returns early when the thread is interrupted. */
    void await(int events) {
        if (nanosPerEvent == 0) {
            return;
        }
        long mine = reserve(events);
        for (long wait = mine - System.nanoTime();
                wait > 0 && !Thread.currentThread().isInterrupted();
                wait = mine - System.nanoTime()) {
            LockSupport.parkNanos(wait);
        }
    }

    private synchronized long reserve(int events) {
        long now = System.nanoTime();
        long mine = next - now > 0 ? next : now;
        next = mine + events * nanosPerEvent;
        return mine;
    }
}
