package io.outboxrelay.testkit;

import java.time.Duration;
import java.util.List;
import java.util.Map;

/**
 * A one-node Kafka of one's own, at an address that never changes: also after {@link #stop()}, {@link #restart()} brings
 * it back at the same ports with the same log.
 *
 * <p>Topics are not created by use. Servers end with the JVM. Which version runs: the system property
 * {@code kafka.version}, for images alone. Not for use by several threads at once, but for topics.
 */
public interface KafkaServer extends AutoCloseable {

    /** The server that all tests of this JVM share: never stopped or closed. */
    static KafkaServer shared() {
        return SharedKafka.SERVER;
    }

    /** Starts a server for the caller alone, who closes it. */
    static KafkaServer start() {
        return start(Map.of());
    }

    /**
     * Starts a server for the caller alone, who closes it. Clients use the listener {@code PLAINTEXT}; the server itself
     * uses {@code BROKER} and {@code CONTROLLER}.
     *
     * @param properties server properties, such as {@code message.max.bytes}, over the defaults
     */
    static KafkaServer start(Map<String, String> properties) {
        return switch (ServerKind.chosen()) {
            case EMBEDDED -> new EmbeddedKafkaServer(properties);
            case DOCKER -> new DockerKafkaServer(properties);
        };
    }

    /** Where clients find it: {@code host:port}. */
    String bootstrapServers();

    /** Blocks until the server is gone and its port closed. */
    void stop();

    /** Starts the stopped server, same ports and log; a running one is stopped first. Blocks until it answers. */
    void restart();

    /** Ends the server and removes its log. */
    @Override
    void close();

    /** What to do with its topics. */
    default KafkaTopics topics() {
        return new KafkaTopics(Map.of("bootstrap.servers", bootstrapServers()));
    }

    /** Creates a topic: {@link KafkaTopics#create}. */
    default void createTopic(String name, int partitions, Map<String, String> configs) {
        topics().create(name, partitions, configs);
    }

    /** Reads a topic from its beginning: {@link KafkaTopics#read}. */
    default List<StoredRecord> read(String topic, int expectedCount, Duration timeout) {
        return topics().read(topic, expectedCount, timeout);
    }
}
