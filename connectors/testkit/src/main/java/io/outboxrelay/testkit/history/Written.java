package io.outboxrelay.testkit.history;

import java.util.Objects;

/**
 * One committed event.
 *
 * @param eventId unique among all events
 * @param digest of its payload: {@link Digest}
 */
public record Written(String eventId, String digest) {

    /** Neither is null. */
    public Written {
        Objects.requireNonNull(eventId);
        Objects.requireNonNull(digest);
    }
}
