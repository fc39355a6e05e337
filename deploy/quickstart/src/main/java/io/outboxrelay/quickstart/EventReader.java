package io.outboxrelay.quickstart;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.function.BiConsumer;

import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.WakeupException;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.StringDeserializer;

/** Reads a topic from its beginning on a thread of its own, until closed. */
final class EventReader implements AutoCloseable {

    private static final Duration POLL = Duration.ofMillis(100);

    private final KafkaConsumer<String, byte[]> kafka;
    private final BiConsumer<UUID, ConsumerRecord<String, byte[]>> onEvent;
    private final CompletableFuture<Void> ended = new CompletableFuture<>();

    /**
     * @param onEvent told of every message and the event's id, on the reader's thread
     */
    EventReader(String bootstrapServers, String topic, BiConsumer<UUID, ConsumerRecord<String, byte[]>> onEvent) {
        this.onEvent = onEvent;
        kafka = new KafkaConsumer<>(
                Map.of("bootstrap.servers", bootstrapServers, "enable.auto.commit", false),
                new StringDeserializer(),
                new ByteArrayDeserializer());
        List<TopicPartition> partitions = kafka.partitionsFor(topic).stream()
                .map(partition -> new TopicPartition(topic, partition.partition()))
                .toList();
        kafka.assign(partitions);
        kafka.seekToBeginning(partitions);
        Thread thread = new Thread(this::read, "event-reader");
        thread.setDaemon(true);
        thread.start();
    }

    /** Completes when reading ends: exceptionally, if it failed. */
    CompletableFuture<Void> ended() {
        return ended;
    }

    @Override
    public void close() {
        kafka.wakeup();
        ended.handle((end, failure) -> null).join();
    }

    private void read() {
        try (kafka) {
            while (true) {
                ConsumerRecords<String, byte[]> records = kafka.poll(POLL);
                records.forEach(record -> onEvent.accept(idOf(record), record));
            }
        } catch (WakeupException closed) {
            ended.complete(null);
        } catch (RuntimeException e) {
            ended.completeExceptionally(e);
        }
    }

    static String header(ConsumerRecord<String, byte[]> record, String name) {
        return new String(record.headers().lastHeader(name).value(), StandardCharsets.UTF_8);
    }

    private static UUID idOf(ConsumerRecord<String, byte[]> record) {
        return UUID.fromString(header(record, "id"));
    }
}
