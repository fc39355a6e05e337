package io.outboxrelay.postgres;

import java.time.Duration;

/** Whether the stream keeps up with the log: what was its end a while ago has been read. One thread looks; any may ask. */
final class Lag {

    /** Longer than two heartbeats, without which an idle stream would seem to lag. */
    private static final Duration ALLOWED = Duration.ofSeconds(5);

    private Lsn target;
    private long notedAt;
    private volatile boolean caughtUp;

    /**
     * Looks once.
     *
     * @param end where the log ended lately
     * @param place how far it was read
     */
    void look(Lsn end, Lsn place) {
        long now = System.nanoTime();
        if (target == null || target.compareTo(place) <= 0) {
            caughtUp = target != null;
            target = end;
            notedAt = now;
        } else if (now - notedAt > ALLOWED.toNanos()) {
            caughtUp = false;
        }
    }

    /** Whether it keeps up. */
    boolean isCaughtUp() {
        return caughtUp;
    }
}
