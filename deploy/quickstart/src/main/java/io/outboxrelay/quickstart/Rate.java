package io.outboxrelay.quickstart;

import java.util.concurrent.TimeUnit;

/** How fast a count grows, over the last second. */
final class Rate {

    private long since = System.nanoTime();
    private long countThen;
    private double perSecond;

    /** The rate per second, now that the count is this. */
    double after(long count) {
        long nanos = System.nanoTime() - since;
        if (nanos >= TimeUnit.SECONDS.toNanos(1)) {
            perSecond = (count - countThen) * 1e9 / nanos;
            since += nanos;
            countThen = count;
        }
        return perSecond;
    }
}
