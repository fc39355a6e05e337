package io.outboxrelay.relay.delivery;

/**
 * How much may be unsettled at once.
 *
 * @param events how many events
 * @param bytes how many bytes of them
 */
public record Limits(long events, long bytes) {

    /** @throws IllegalArgumentException if a limit is below 1 */
    public Limits {
        if (events < 1 || bytes < 1) {
            throw new IllegalArgumentException("limits must be at least 1");
        }
    }
}
