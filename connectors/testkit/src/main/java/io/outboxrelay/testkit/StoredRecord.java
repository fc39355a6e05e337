package io.outboxrelay.testkit;

import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.Map;
import java.util.TreeMap;

import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.header.Header;

/**
 * One record as Kafka stored it.
 *
 * @param topic where
 * @param partition where in the topic
 * @param offset where in the partition
 * @param timestamp as the producer set it
 * @param key in UTF-8, or null
 * @param value the bytes, or null
 * @param headers by name, as UTF-8; the last one where a name comes twice
 */
@SuppressWarnings("ArrayRecordComponent") // Compared by what a test asserts on.
public record StoredRecord(
        String topic,
        int partition,
        long offset,
        Instant timestamp,
        String key,
        byte[] value,
        Map<String, String> headers) {

    static StoredRecord of(ConsumerRecord<byte[], byte[]> record) {
        Map<String, String> headers = new TreeMap<>();
        for (Header header : record.headers()) {
            headers.put(header.key(), text(header.value()));
        }
        return new StoredRecord(
                record.topic(),
                record.partition(),
                record.offset(),
                Instant.ofEpochMilli(record.timestamp()),
                text(record.key()),
                record.value(),
                headers);
    }

    /** The value as UTF-8, or null. */
    public String text() {
        return text(value);
    }

    private static String text(byte[] bytes) {
        return bytes == null ? null : new String(bytes, StandardCharsets.UTF_8);
    }
}
