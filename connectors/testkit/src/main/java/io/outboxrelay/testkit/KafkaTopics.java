package io.outboxrelay.testkit;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;

import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.awaitility.Awaitility;

/** The topics of a Kafka, as a test sees them. Every call makes a client of its own. */
public final class KafkaTopics {

    private static final Duration LIMIT = Duration.ofSeconds(30);
    private static final Duration POLL = Duration.ofMillis(200);

    private final Map<String, Object> client;

    /** @param client client properties: {@code bootstrap.servers}, and how to log in where the server asks for it */
    public KafkaTopics(Map<String, Object> client) {
        this.client = Map.copyOf(client);
    }

    /** Creates a topic with one replica; blocks until it can be used. */
    public void create(String name, int partitions, Map<String, String> configs) {
        NewTopic topic = new NewTopic(name, Optional.of(partitions), Optional.of((short) 1)).configs(configs);
        try (Admin admin = Admin.create(client)) {
            admin.createTopics(List.of(topic)).all().get(LIMIT.toSeconds(), TimeUnit.SECONDS);
        } catch (ExecutionException | TimeoutException e) {
            throw new IllegalStateException("could not create the topic " + name, e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted", e);
        }
    }

    /** Changes settings of a topic; blocks until the server has taken them. */
    public void configure(String name, Map<String, String> configs) {
        List<AlterConfigOp> changes = configs.entrySet().stream()
                .map(entry ->
                        new AlterConfigOp(new ConfigEntry(entry.getKey(), entry.getValue()), AlterConfigOp.OpType.SET))
                .toList();
        try (Admin admin = Admin.create(client)) {
            admin.incrementalAlterConfigs(Map.of(new ConfigResource(ConfigResource.Type.TOPIC, name), changes))
                    .all()
                    .get(LIMIT.toSeconds(), TimeUnit.SECONDS);
        } catch (ExecutionException | TimeoutException e) {
            throw new IllegalStateException("could not configure the topic " + name, e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted", e);
        }
    }

    /**
     * Reads a topic from its beginning until so many records are there, or the time is over; returns what it has, maybe
     * more than asked for. The records of a partition are in order.
     */
    public List<StoredRecord> read(String topic, int expectedCount, Duration timeout) {
        List<StoredRecord> records = new ArrayList<>();
        long deadline = System.nanoTime() + timeout.toNanos();
        try (KafkaConsumer<byte[], byte[]> consumer = consumer()) {
            assign(consumer, topic);
            poll(consumer, records, () -> records.size() >= expectedCount || System.nanoTime() - deadline > 0);
        }
        return records;
    }

    /** Reads all that the topic holds at the moment. The records of a partition are in order. */
    public List<StoredRecord> readAll(String topic) {
        List<StoredRecord> records = new ArrayList<>();
        try (KafkaConsumer<byte[], byte[]> consumer = consumer()) {
            Collection<TopicPartition> partitions = assign(consumer, topic);
            Map<TopicPartition, Long> ends = consumer.endOffsets(partitions, LIMIT);
            poll(
                    consumer,
                    records,
                    () -> partitions.stream().allMatch(p -> consumer.position(p, LIMIT) >= ends.get(p)));
        }
        return records;
    }

    /** Hands on what a topic holds from its beginning, and what comes, and keeps nothing; until it is told that it is enough. */
    public void follow(String topic, Consumer<StoredRecord> each, BooleanSupplier enough) {
        try (KafkaConsumer<byte[], byte[]> consumer = consumer()) {
            assign(consumer, topic);
            while (!enough.getAsBoolean()) {
                consumer.poll(POLL).forEach(record -> each.accept(StoredRecord.of(record)));
            }
        }
    }

    private static void poll(KafkaConsumer<byte[], byte[]> consumer, List<StoredRecord> records, BooleanSupplier done) {
        while (!done.getAsBoolean()) {
            consumer.poll(POLL).forEach(record -> records.add(StoredRecord.of(record)));
        }
    }

    private static Collection<TopicPartition> assign(KafkaConsumer<byte[], byte[]> consumer, String topic) {
        // A topic that is new is known a moment before its partitions are.
        List<TopicPartition> partitions = Awaitility.await("the partitions of " + topic)
                .atMost(LIMIT)
                .until(() -> partitions(consumer, topic), found -> !found.isEmpty());
        consumer.assign(partitions);
        consumer.seekToBeginning(partitions);
        return partitions;
    }

    private static List<TopicPartition> partitions(KafkaConsumer<byte[], byte[]> consumer, String topic) {
        return consumer.partitionsFor(topic, LIMIT).stream()
                .map(partition -> new TopicPartition(topic, partition.partition()))
                .toList();
    }

    private KafkaConsumer<byte[], byte[]> consumer() {
        Map<String, Object> properties = new HashMap<>(client);
        properties.put(ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG, false);
        properties.put(ConsumerConfig.ALLOW_AUTO_CREATE_TOPICS_CONFIG, false);
        return new KafkaConsumer<>(properties, new ByteArrayDeserializer(), new ByteArrayDeserializer());
    }
}
