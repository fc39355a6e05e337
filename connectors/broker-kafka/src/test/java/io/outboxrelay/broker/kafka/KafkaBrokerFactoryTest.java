package io.outboxrelay.broker.kafka;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;

import io.outboxrelay.api.Broker;
import io.outboxrelay.api.Finding;
import io.outboxrelay.api.Message;
import io.outboxrelay.api.RejectedException;
import io.outboxrelay.testkit.KafkaServer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

/** What is found before the first message, and what an unreachable cluster means. */
class KafkaBrokerFactoryTest {

    private final KafkaServer server = KafkaServer.shared();

    @Test
    void theClusterIsNamedWithItsBrokersAndALoneCopyIsAWarning() throws Exception {
        String topic = topic(Map.of());

        List<Finding> findings = Brokers.at(server, "").check(Set.of(topic));

        assertThat(findings)
                .anyMatch(finding -> finding.level() == Finding.Level.OK
                        && finding.text().contains("at " + server.bootstrapServers() + ", 1 broker"))
                .anyMatch(finding -> finding.level() == Finding.Level.WARNING
                        && finding.subject().contains(topic)
                        && finding.text().contains("1 copy, min.insync.replicas 1")
                        && finding.text().contains("is lost if one broker dies"))
                .noneMatch(finding -> finding.level() == Finding.Level.ERROR);
    }

    @Test
    void moreCopiesInSyncThanThereAreIsAnError() throws Exception {
        String topic = topic(Map.of("min.insync.replicas", "2"));

        assertThat(Brokers.at(server, "").check(Set.of(topic)))
                .anyMatch(finding -> finding.level() == Finding.Level.ERROR
                        && finding.subject().contains(topic)
                        && finding.text().contains("no message can be stored"));
    }

    @Test
    void newTopicsThatCouldStoreNothingAreAnErrorWhereTheRelayCreatesThem() throws Exception {
        assertThat(Brokers.at(server, "topics { create = true, config { min.insync.replicas = 2 } }")
                        .check(Set.of()))
                .anyMatch(finding -> finding.level() == Finding.Level.ERROR
                        && finding.text().contains("a new topic gets 1 copy, min.insync.replicas 2"));
    }

    @Test
    void aMissingTopicIsAnErrorUnlessItCanBeCreatedAndTheCheckCreatesNone() throws Exception {
        String topic = "topic-" + UUID.randomUUID();
        for (int look = 0; look < 2; look++) {
            assertThat(Brokers.at(server, "topics.create = true").check(Set.of(topic)))
                    .anyMatch(finding -> finding.level() == Finding.Level.OK
                            && finding.text().contains("created by its first message"));
        }
        assertThat(Brokers.at(server, "").check(Set.of(topic)))
                .anyMatch(finding -> finding.level() == Finding.Level.ERROR
                        && finding.subject().contains(topic)
                        && finding.remedy().contains("broker.kafka.topics.create"));
    }

    @Test
    void aTopicSmallerThanABatchAndSeveralRequestsInFlightAreWarnings() throws Exception {
        String topic = topic(Map.of("max.message.bytes", "5000"));

        assertThat(Brokers.at(server, "producer { max.in.flight.requests.per.connection = 5 }")
                        .check(Set.of(topic)))
                .anyMatch(finding -> finding.level() == Finding.Level.WARNING
                        && finding.remedy().contains("broker.kafka.batch-size"))
                .anyMatch(finding -> finding.level() == Finding.Level.WARNING
                        && finding.text().contains("behind a refused one"));
    }

    @Timeout(30)
    @ParameterizedTest
    @ValueSource(strings = {"nobody-has-this-name.invalid:9092", "the unused port"})
    void aClusterThatCannotBeReachedMeansNotYetWithinTheTimeout(String servers) throws Exception {
        String unreachable = servers.contains(":") ? servers : "localhost:" + unusedPort();
        var factory = Brokers.at("answer-timeout = 1s\nbootstrap-servers = \"" + unreachable + "\"");

        assertThatThrownBy(() -> factory.check(Set.of()))
                .isInstanceOf(IOException.class)
                .hasMessageContaining(unreachable);
        try (Broker broker = factory.open()) {
            Message message = new Message("topic", "k", new byte[] {1}, Map.of(), Instant.now());
            for (int i = 0; i < 2; i++) {
                assertThat(broker.publish(message).toCompletableFuture())
                        .failsWithin(Duration.ofSeconds(10))
                        .withThrowableThat()
                        .havingCause()
                        .isNotInstanceOf(RejectedException.class);
            }
        }
    }

    private String topic(Map<String, String> configs) throws Exception {
        String topic = "topic-" + UUID.randomUUID();
        server.createTopic(topic, 1, configs);
        // Once it takes a message, everybody has heard of it.
        if (!configs.containsKey("min.insync.replicas")) {
            try (Broker broker = Brokers.at(server, "").open()) {
                broker.publish(new Message(topic, "k", new byte[] {1}, Map.of(), Instant.now()))
                        .toCompletableFuture()
                        .get();
            }
        }
        return topic;
    }

    private static int unusedPort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        }
    }
}
