package io.outboxrelay.benchmark;

import java.time.Duration;

/** Waits in small steps, and not for ever. */
final class Patience {

    private static final long STEP_MILLIS = 20;

    private final String what;
    private final Duration limit;
    private final long deadline;

    Patience(String what, Duration limit) {
        this.what = what;
        this.limit = limit;
        this.deadline = System.nanoTime() + limit.toNanos();
    }

    /** Fails when the time is over. */
    void check() {
        if (System.nanoTime() - deadline > 0) {
            throw new IllegalStateException("waited " + limit.toSeconds() + " s for " + what);
        }
    }

    /** Waits a moment; fails when the time is over. */
    void pause() throws InterruptedException {
        check();
        Thread.sleep(STEP_MILLIS);
    }
}
