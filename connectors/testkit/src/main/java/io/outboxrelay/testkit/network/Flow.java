package io.outboxrelay.testkit.network;

import java.time.Duration;

/**
 * How bytes pass in one direction.
 *
 * @param passes whether any pass at all; those that do not wait, as on a network that resends
 * @param chunk the most bytes that are written at once
 * @param pause what goes by before each chunk is written
 */
public record Flow(boolean passes, int chunk, Duration pause) {

    /** More than is ever read at once. */
    private static final int ALL = 1 << 20;

    private static final int CHUNKS_PER_SECOND = 20;

    /** Nothing is in the way. */
    public static final Flow FREE = new Flow(true, ALL, Duration.ZERO);

    /** Nothing passes until the flow is another one; then all of it does. */
    public static final Flow HELD = new Flow(false, ALL, Duration.ZERO);

    /** Every byte in a packet of its own. */
    public static final Flow BYTE_BY_BYTE = new Flow(true, 1, Duration.ZERO);

    /** A chunk holds a byte at least. */
    public Flow {
        if (chunk < 1 || pause.isNegative()) {
            throw new IllegalArgumentException("chunk=" + chunk + " pause=" + pause);
        }
    }

    /** About so many bytes in a second, on each connection. */
    public static Flow slow(int bytesPerSecond) {
        return new Flow(
                true,
                Math.max(1, bytesPerSecond / CHUNKS_PER_SECOND),
                Duration.ofSeconds(1).dividedBy(CHUNKS_PER_SECOND));
    }

    /** All that is read at once comes so much later. What follows waits behind it. */
    public static Flow late(Duration delay) {
        return new Flow(true, ALL, delay);
    }
}
