package io.outboxrelay.api;

import java.time.Instant;
import java.util.Map;

/**
 * What a broker is to store.
 *
 * @param destination topic, subject, exchange or queue
 * @param key the ordering key, or null for a message that needs no order
 * @param payload the bytes, exactly as the row has them; null for none
 * @param headers names and values, in the order in which they are to appear
 * @param timestamp when the event occurred
 */
@SuppressWarnings("ArrayRecordComponent") // Messages are passed along, never compared.
public record Message(String destination, String key, byte[] payload, Map<String, String> headers, Instant timestamp) {

    /** Names the message for a log, never its content. */
    @Override
    public String toString() {
        return "message to " + destination + ", key " + key + ", "
                + (payload == null ? "no payload" : payload.length + " bytes");
    }
}
