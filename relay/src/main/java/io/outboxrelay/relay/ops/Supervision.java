package io.outboxrelay.relay.ops;

import java.time.Duration;
import java.util.Optional;
import java.util.function.LongSupplier;

import io.outboxrelay.api.Code;
import io.outboxrelay.relay.ops.Health.Trouble;

/**
 * Whether a thread comes round: it says when it begins something that must end by itself, and when it waits for as long as
 * it takes. Told by one thread; any may ask.
 */
public final class Supervision {

    private final String what;
    private final Duration limit;
    private final LongSupplier nanoTime;

    private volatile boolean waiting = true;
    private volatile long since;

    /**
     * @param what the thread does, for people
     * @param limit how long it may be busy with one thing; longer than any time-out of what it asks
     * @param nanoTime a clock that only moves forward
     */
    public Supervision(String what, Duration limit, LongSupplier nanoTime) {
        this.what = what;
        this.limit = limit;
        this.nanoTime = nanoTime;
    }

    /** It begins something that ends by itself. */
    public void busy() {
        since = nanoTime.getAsLong();
        waiting = false;
    }

    /** It waits for as long as it takes. */
    public void waits() {
        waiting = true;
    }

    /** That it is stuck, if it is. */
    public Optional<Trouble> trouble() {
        Duration busy = waiting ? Duration.ZERO : Duration.ofNanos(nanoTime.getAsLong() - since);
        return busy.compareTo(limit) > 0
                ? Optional.of(new Trouble(
                        Code.STUCK, what + " is stuck: it has not come round for " + busy.toSeconds() + " s"))
                : Optional.empty();
    }
}
