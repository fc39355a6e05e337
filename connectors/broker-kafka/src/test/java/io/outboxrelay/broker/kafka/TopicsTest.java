package io.outboxrelay.broker.kafka;

import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.TimeUnit;

import io.outboxrelay.api.Broker;
import io.outboxrelay.api.Message;
import io.outboxrelay.api.RejectedException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.common.config.TopicConfig;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

/** What is known of a topic before anything is sent to it. */
class TopicsTest {

    private static KafkaFixture kafka;

    @BeforeAll
    static void start() {
        kafka = new KafkaFixture(1, "");
    }

    @AfterAll
    static void close() {
        kafka.close();
    }

    @Test
    void aMissingTopicIsRejectedByNameAndWithTheRemedyUntilItExists() throws Exception {
        String topic = unused();
        try (Broker broker = kafka.open()) {
            assertThatThrownBy(() -> broker.publish(message(topic)))
                    .isInstanceOf(RejectedException.class)
                    .hasMessageContaining(topic)
                    .hasMessageContaining("broker.kafka.topics.create");

            kafka.server().createTopic(topic, 1, Map.of());

            Awaitility.await("a kept fact is at most a second old when it rejects")
                    .atMost(Duration.ofSeconds(10))
                    .ignoreException(RejectedException.class)
                    .untilAsserted(() -> stored(broker, message(topic)));
        }
    }

    @Test
    void aMissingTopicIsCreatedAsConfigured() throws Exception {
        String topic = unused();
        try (Broker broker = Brokers.at(
                        kafka.server(),
                        "topics { create = true, partitions = 5, replication-factor = 1, "
                                + "config { max.message.bytes = 12345 } }")
                .open()) {
            stored(broker, message(topic));

            assertThat(describe(topic).partitions()).hasSize(5);
            assertThatThrownBy(() -> broker.publish(message(topic, "k", new byte[20_000], Instant.now())))
                    .hasMessageContaining("takes 12345");
        }
    }

    @Test
    void aTopicThatTwoRelaysCreateAtOnceServesBoth() throws Exception {
        String topic = unused();
        try (Broker one = Brokers.at(kafka.server(), "topics.create = true").open();
                Broker other =
                        Brokers.at(kafka.server(), "topics.create = true").open()) {
            Thread rival = new Thread(() -> {
                try {
                    stored(other, message(topic));
                } catch (Exception e) {
                    throw new IllegalStateException(e);
                }
            });
            rival.start();
            stored(one, message(topic));
            rival.join();

            assertThat(kafka.read(topic, 2)).hasSize(2);
        }
    }

    @Test
    void aTopicThatKafkaWillNotCreateIsRejectedWithItsReason() {
        try (Broker broker = Brokers.at(kafka.server(), "topics { create = true, config { cleanup.policy = tidy } }")
                .open()) {
            assertThatThrownBy(() -> broker.publish(message(unused())))
                    .isInstanceOf(RejectedException.class)
                    .hasMessageContaining("broker.kafka.topics")
                    .hasMessageContaining("tidy");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"", ".", "..", "a b", "größe", "events/orders"})
    void aNameThatNoTopicCanHaveIsRejected(String topic) {
        try (Broker broker = kafka.open()) {
            assertThatThrownBy(() -> broker.publish(message(topic)))
                    .isInstanceOf(RejectedException.class)
                    .hasMessageContaining("is no name that a topic can have");
        }
    }

    @Test
    void theLimitIsThatOfTheTopicToTheByte() throws Exception {
        int limit = 5000;
        String topic = kafka.createDestination(limit);
        try (Broker broker = Brokers.at(kafka.server(), "compression = none").open()) {
            int overhead = Records.batchSize(Records.of(message(topic, "k", new byte[4000], Instant.now()))) - 4000;
            stored(broker, message(topic, "k", new byte[limit - overhead], Instant.now()));

            assertThatThrownBy(() -> broker.publish(message(topic, "k", new byte[limit - overhead + 1], Instant.now())))
                    .isInstanceOf(RejectedException.class)
                    .hasMessageContaining("5001 bytes")
                    .hasMessageContaining("max.message.bytes");
        }
    }

    @Test
    void aLimitThatAnOperatorRaisesIsSeen() throws Exception {
        String topic = kafka.createDestination(5000);
        try (Broker broker = kafka.open()) {
            assertThatThrownBy(() -> broker.publish(message(topic, "k", new byte[6000], Instant.now())))
                    .isInstanceOf(RejectedException.class);

            kafka.alter(topic, TopicConfig.MAX_MESSAGE_BYTES_CONFIG, "10000");

            Awaitility.await("a kept fact is at most a second old when it rejects")
                    .atMost(Duration.ofSeconds(10))
                    .ignoreException(RejectedException.class)
                    .untilAsserted(() -> stored(broker, message(topic, "k", new byte[6000], Instant.now())));
        }
    }

    @Test
    void aMessageBeyondTheClientsOwnMemoryIsRejectedWithTheRemedy() throws Exception {
        String topic = kafka.createDestination(8 << 20);
        try (Broker broker = Brokers.at(kafka.server(), "buffer-memory = 1m").open()) {
            assertThatThrownBy(() -> broker.publish(message(topic, "k", new byte[2 << 20], Instant.now())))
                    .isInstanceOf(RejectedException.class)
                    .hasMessageContaining("broker.kafka.buffer-memory");

            stored(broker, message(topic));
        }
    }

    @Test
    void aTimestampOutOfTheTopicsBoundsIsRejected() throws Exception {
        String topic = kafka.createDestination(1 << 20);
        kafka.alter(topic, TopicConfig.MESSAGE_TIMESTAMP_BEFORE_MAX_MS_CONFIG, "60000");
        kafka.alter(topic, TopicConfig.MESSAGE_TIMESTAMP_AFTER_MAX_MS_CONFIG, "60000");
        try (Broker broker = kafka.open()) {
            assertThatThrownBy(() -> broker.publish(
                            message(topic, "k", new byte[1], Instant.now().minusSeconds(3600))))
                    .isInstanceOf(RejectedException.class)
                    .hasMessageContaining("message.timestamp.before.max.ms");
            assertThatThrownBy(() -> broker.publish(
                            message(topic, "k", new byte[1], Instant.now().plusSeconds(3600))))
                    .isInstanceOf(RejectedException.class)
                    .hasMessageContaining("message.timestamp.after.max.ms");
            assertThatThrownBy(() -> broker.publish(message(topic, "k", new byte[1], Instant.ofEpochMilli(-1))))
                    .isInstanceOf(RejectedException.class)
                    .hasMessageContaining("1970");
            stored(broker, message(topic));
        }
    }

    @Test
    void aTopicThatSetsTheTimestampsItselfTakesAny() throws Exception {
        String topic = kafka.createDestination(1 << 20);
        kafka.alter(topic, TopicConfig.MESSAGE_TIMESTAMP_BEFORE_MAX_MS_CONFIG, "60000");
        kafka.alter(topic, TopicConfig.MESSAGE_TIMESTAMP_TYPE_CONFIG, "LogAppendTime");
        try (Broker broker = kafka.open()) {
            stored(broker, message(topic, "k", new byte[1], Instant.now().minusSeconds(3600)));
        }
    }

    @Test
    void aCompactedTopicTakesNoMessageWithoutAKey() throws Exception {
        String topic = kafka.createDestination(1 << 20);
        kafka.alter(topic, TopicConfig.CLEANUP_POLICY_CONFIG, "compact");
        try (Broker broker = kafka.open()) {
            assertThatThrownBy(() -> broker.publish(message(topic, null, new byte[1], Instant.now())))
                    .isInstanceOf(RejectedException.class)
                    .hasMessageContaining("compacted");
            stored(broker, message(topic, "k", null, Instant.now()));
        }
    }

    @Test
    void aRefusalThatOnlyTheServerCouldKnowConcernsItsOwnMessageAlone() throws Exception {
        String topic = kafka.createDestination(1 << 20);
        try (Broker broker = Brokers.at(kafka.server(), "linger = 1s").open()) {
            stored(broker, message(topic));
            kafka.alter(topic, TopicConfig.CLEANUP_POLICY_CONFIG, "compact");
            Awaitility.await("the partition knows that it is compacted").until(() -> isCompacted(topic));

            var innocent = broker.publish(message(topic)).toCompletableFuture();
            var keyless = broker.publish(message(topic, null, new byte[1], Instant.now()))
                    .toCompletableFuture();

            assertThat(keyless)
                    .failsWithin(Duration.ofSeconds(30))
                    .withThrowableThat()
                    .havingCause()
                    .isInstanceOf(RejectedException.class);
            assertThat(innocent)
                    .failsWithin(Duration.ofSeconds(30))
                    .withThrowableThat()
                    .havingCause()
                    .isNotInstanceOf(RejectedException.class);
        }
    }

    private static boolean isCompacted(String topic) throws Exception {
        try (Broker probe = kafka.open()) {
            probe.publish(message(topic, null, new byte[1], Instant.now()));
            return false;
        } catch (RejectedException e) {
            return true;
        }
    }

    private static TopicDescription describe(String topic) throws Exception {
        try (Admin admin =
                Admin.create(Map.of("bootstrap.servers", kafka.server().bootstrapServers()))) {
            return admin.describeTopics(Set.of(topic)).allTopicNames().get().get(topic);
        }
    }

    private static void stored(Broker broker, Message message) throws Exception {
        broker.publish(message).toCompletableFuture().get(30, TimeUnit.SECONDS);
    }

    private static Message message(String topic) {
        return message(topic, "k", new byte[] {1}, Instant.now());
    }

    private static Message message(String topic, String key, byte[] payload, Instant timestamp) {
        return new Message(topic, key, payload, Map.of(), timestamp);
    }

    private static String unused() {
        return "topic-" + UUID.randomUUID();
    }
}
