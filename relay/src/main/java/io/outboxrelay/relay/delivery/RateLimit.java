package io.outboxrelay.relay.delivery;

import java.time.Duration;
import java.util.Optional;

import io.github.bucket4j.Bucket;
import io.github.bucket4j.TimeMeter;

/**
 * How fast events may be sent: a token bucket, full at first. One serves all runs of a relay, so that a run that begins
 * anew has no burst of its own. Safe for use by many threads.
 */
public final class RateLimit {

    /** No limit. */
    public static final RateLimit NONE = new RateLimit(Optional.empty(), 1);

    /** A timer is not much finer than this: tokens are waited for in portions, as far as the burst lets them gather. */
    private static final int PORTIONS_PER_SECOND = 200;

    private final Optional<Bucket> bucket;
    private final long portion;

    private RateLimit(Optional<Bucket> bucket, long portion) {
        this.bucket = bucket;
        this.portion = portion;
    }

    /**
     * A limit: within any time at most so many events as come in it, and the burst.
     *
     * @param eventsPerSecond how many come in a second, at least 1
     * @param burst how many can gather, at least 1
     */
    public static RateLimit of(long eventsPerSecond, long burst) {
        return of(eventsPerSecond, burst, TimeMeter.SYSTEM_NANOTIME);
    }

    static RateLimit of(long eventsPerSecond, long burst, TimeMeter time) {
        return new RateLimit(
                Optional.of(Bucket.builder()
                        .addLimit(limit -> limit.capacity(burst).refillGreedy(eventsPerSecond, Duration.ofSeconds(1)))
                        .withCustomTimePrecision(time)
                        .build()),
                Math.max(1, Math.min(burst / 2, eventsPerSecond / PORTIONS_PER_SECOND)));
    }

    /** Whether there is none. */
    boolean isNone() {
        return bucket.isEmpty();
    }

    /** Takes a token; false if there is none now. */
    boolean take() {
        return bucket.isEmpty() || bucket.get().tryConsume(1);
    }

    /** How long to wait before it is worth while to ask again. The bucket rounds down: some time must pass in any case. */
    long nanosUntilMore() {
        return 1
                + bucket.map(tokens -> tokens.estimateAbilityToConsume(portion).getNanosToWaitForRefill())
                        .orElse(0L);
    }
}
