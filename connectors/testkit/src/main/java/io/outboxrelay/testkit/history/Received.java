package io.outboxrelay.testkit.history;

import io.outboxrelay.testkit.StoredRecord;

/**
 * One record that a consumer received.
 *
 * @param topic where it was
 * @param partition where in the topic
 * @param offset where in the partition
 * @param key its key, or null
 * @param eventId the id that it carries, or null
 * @param digest of its payload: {@link Digest}
 */
public record Received(String topic, int partition, long offset, String key, String eventId, String digest) {

    /** From Kafka, where the header {@code id} carries the event's id. */
    public static Received from(StoredRecord record) {
        return new Received(
                record.topic(),
                record.partition(),
                record.offset(),
                record.key(),
                record.headers().get("id"),
                Digest.of(record.value()));
    }

    String place() {
        return topic + "-" + partition + "@" + offset;
    }

    String partitionName() {
        return topic + "-" + partition;
    }
}
