package io.outboxrelay.broker.kafka;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.UUID;
import java.util.concurrent.ExecutionException;

import io.outboxrelay.api.Broker;
import io.outboxrelay.api.Message;
import io.outboxrelay.testkit.BrokerContract;
import io.outboxrelay.testkit.KafkaServer;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.config.TopicConfig;
import org.apache.kafka.common.errors.RecordTooLargeException;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.awaitility.Awaitility;

/** A Kafka of one's own, and brokers at it. */
final class KafkaFixture implements BrokerContract.Fixture {

    private static final Duration SOON = Duration.ofSeconds(30);
    private static final String PROBE = "probe";
    private static final int LOWERED_LIMIT = 20_000;

    private final KafkaServer server = KafkaServer.start();
    private final int partitions;
    private final String section;
    private boolean stopped;

    /** @param section what to set in {@code broker.kafka} */
    KafkaFixture(int partitions, String section) {
        this.partitions = partitions;
        this.section = section;
    }

    KafkaServer server() {
        return server;
    }

    @Override
    public Broker open() {
        return Brokers.at(server, section).open();
    }

    @Override
    public String createDestination(int maxBytes) {
        String topic = "topic-" + UUID.randomUUID();
        server.createTopic(topic, partitions, Map.of(TopicConfig.MAX_MESSAGE_BYTES_CONFIG, Integer.toString(maxBytes)));
        return topic;
    }

    @Override
    public List<BrokerContract.Stored> read(String destination, int atLeast) {
        List<BrokerContract.Stored> stored = new ArrayList<>();
        long deadline = System.nanoTime() + SOON.toNanos();
        try (KafkaConsumer<byte[], byte[]> consumer = new KafkaConsumer<>(
                Map.of("bootstrap.servers", server.bootstrapServers()),
                new ByteArrayDeserializer(),
                new ByteArrayDeserializer())) {
            List<TopicPartition> all = consumer.partitionsFor(destination).stream()
                    .map(partition -> new TopicPartition(destination, partition.partition()))
                    .toList();
            consumer.assign(all);
            consumer.seekToBeginning(all);
            while ((stored.size() < atLeast || !atEnd(consumer)) && System.nanoTime() < deadline) {
                consumer.poll(Duration.ofMillis(100)).forEach(record -> {
                    if (!PROBE.equals(text(record.key()))) {
                        stored.add(stored(record));
                    }
                });
            }
        }
        return stored;
    }

    @Override
    public Message unfit(String destination) {
        return new Message(destination, "k", new byte[2 << 20], Map.of(), Instant.now());
    }

    @Override
    public Message refusable(String destination, String key) {
        byte[] large = new byte[3 * LOWERED_LIMIT];
        new Random(1).nextBytes(large);
        alter(destination, TopicConfig.MAX_MESSAGE_BYTES_CONFIG, Integer.toString(LOWERED_LIMIT));
        try (KafkaProducer<byte[], byte[]> probes = new KafkaProducer<>(
                Map.of("bootstrap.servers", server.bootstrapServers(), "batch.size", 0),
                new ByteArraySerializer(),
                new ByteArraySerializer())) {
            Awaitility.await("every partition knows its topic's new limit")
                    .atMost(SOON)
                    .until(() -> {
                        for (int partition = 0; partition < partitions; partition++) {
                            if (!isRefused(probes, new ProducerRecord<>(destination, partition, bytes(PROBE), large))) {
                                return false;
                            }
                        }
                        return true;
                    });
        }
        return new Message(destination, key, large, Map.of(), Instant.now());
    }

    /** Changes a setting of a topic. */
    void alter(String topic, String name, String value) {
        Collection<AlterConfigOp> changes =
                List.of(new AlterConfigOp(new ConfigEntry(name, value), AlterConfigOp.OpType.SET));
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", server.bootstrapServers()))) {
            admin.incrementalAlterConfigs(Map.of(new ConfigResource(ConfigResource.Type.TOPIC, topic), changes))
                    .all()
                    .get();
        } catch (InterruptedException | ExecutionException e) {
            throw new IllegalStateException(e);
        }
    }

    @Override
    public void stopServer() {
        stopped = true;
        server.stop();
    }

    @Override
    public void startServer() {
        if (stopped) {
            stopped = false;
            server.restart();
        }
    }

    @Override
    public void close() {
        server.close();
    }

    private static boolean isRefused(KafkaProducer<byte[], byte[]> producer, ProducerRecord<byte[], byte[]> record)
            throws InterruptedException {
        try {
            producer.send(record).get();
            return false;
        } catch (ExecutionException e) {
            return e.getCause() instanceof RecordTooLargeException;
        }
    }

    private static boolean atEnd(KafkaConsumer<byte[], byte[]> consumer) {
        return consumer.endOffsets(consumer.assignment()).entrySet().stream()
                .allMatch(end -> consumer.position(end.getKey()) >= end.getValue());
    }

    private static BrokerContract.Stored stored(ConsumerRecord<byte[], byte[]> record) {
        Map<String, String> headers = new LinkedHashMap<>();
        record.headers().forEach(header -> headers.put(header.key(), text(header.value())));
        return new BrokerContract.Stored(
                text(record.key()), record.value(), headers, Instant.ofEpochMilli(record.timestamp()));
    }

    private static String text(byte[] bytes) {
        return bytes == null ? null : new String(bytes, StandardCharsets.UTF_8);
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }
}
