package io.outboxrelay.benchmark;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.StringDeserializer;

/** A consumer of one outbox's topic. For one thread. */
final class Topic implements AutoCloseable {

    private static final Duration POLL = Duration.ofMillis(100);
    private static final String NUMBER = "\"n\": ";

    private final KafkaConsumer<String, byte[]> kafka;
    private final Collection<TopicPartition> partitions;

    Topic(Outbox outbox) {
        kafka = new KafkaConsumer<>(
                Map.of("bootstrap.servers", outbox.bootstrapServers(), "enable.auto.commit", false),
                new StringDeserializer(),
                new ByteArrayDeserializer());
        partitions = kafka.partitionsFor(outbox.topic()).stream()
                .map(partition -> new TopicPartition(outbox.topic(), partition.partition()))
                .toList();
        kafka.assign(partitions);
        kafka.seekToBeginning(partitions);
    }

    /** How many messages are stored. */
    long size() {
        return kafka.endOffsets(partitions).values().stream()
                .mapToLong(Long::longValue)
                .sum();
    }

    /** Whatever came since the last call; waits a little if nothing did. */
    List<ConsumerRecord<String, byte[]>> poll() {
        ConsumerRecords<String, byte[]> records = kafka.poll(POLL);
        return records.partitions().stream()
                .flatMap(partition -> records.records(partition).stream())
                .toList();
    }

    /** Hands over all that is stored, each partition in order. */
    void readAll(Consumer<ConsumerRecord<String, byte[]>> onRecord) {
        long left = size();
        kafka.seekToBeginning(partitions);
        while (left > 0) {
            List<ConsumerRecord<String, byte[]>> records = poll();
            left -= records.size();
            records.forEach(onRecord);
        }
    }

    /** The number that a row was given. */
    static int numberOf(ConsumerRecord<String, byte[]> record) {
        String payload = new String(record.value(), StandardCharsets.UTF_8);
        int begin = payload.indexOf(NUMBER) + NUMBER.length();
        return Integer.parseInt(payload, begin, payload.indexOf(',', begin), 10);
    }

    @Override
    public void close() {
        kafka.close();
    }
}
