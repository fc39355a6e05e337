package io.outboxrelay.testkit;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;

import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.errors.RecordTooLargeException;
import org.apache.kafka.common.errors.TopicAuthorizationException;
import org.apache.kafka.common.serialization.StringSerializer;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

final class KafkaServerTest {

    private static final Duration LIMIT = Duration.ofSeconds(30);

    @Test
    void aStoppedServerComesBackAtItsAddressWithItsRecords() throws Exception {
        try (KafkaServer server = KafkaServer.start()) {
            server.createTopic("t", 2, Map.of());
            send(server, "t", "before");

            server.stop();
            assertThat(answers(server)).isFalse();

            server.restart();
            send(server, "t", "after");
            assertThat(server.read("t", 2, LIMIT))
                    .extracting(StoredRecord::text)
                    .containsExactlyInAnyOrder("before", "after");
        }
    }

    @Test
    void aServerTakesProperties() {
        try (KafkaServer server = KafkaServer.start(Map.of("message.max.bytes", "1000"))) {
            server.createTopic("t", 1, Map.of());
            assertThatThrownBy(() -> send(server, "t", "x".repeat(2000)))
                    .hasCauseInstanceOf(RecordTooLargeException.class);
        }
    }

    @Test
    void aServerWithLoginsLetsNobodyDoWhatNoRuleAllows() throws Exception {
        KafkaLogins logins = new KafkaLogins(Map.of("relay", "secret"));
        try (KafkaServer server = KafkaServer.start(logins.serverProperties())) {
            logins.topics(server).create("t", 1, Map.of());
            assertThatThrownBy(() -> send(server, logins.clientProperties("relay"), "t", "x"))
                    .hasCauseInstanceOf(TopicAuthorizationException.class);

            send(server, logins.clientProperties(KafkaLogins.ADMIN), "t", "y");
            assertThat(logins.topics(server).readAll("t"))
                    .extracting(StoredRecord::text)
                    .containsExactly("y");

            server.restart();
            assertThat(logins.topics(server).readAll("t")).hasSize(1);
        }
    }

    @Test
    void whatATopicHoldsIsReadWithKeyAndHeaders() throws Exception {
        KafkaServer server = KafkaServer.shared();
        String topic = "t-" + UUID.randomUUID();
        server.createTopic(topic, 3, Map.of());
        try (KafkaProducer<String, String> producer = producer(server, LIMIT.toMillis(), Map.of())) {
            ProducerRecord<String, String> record = new ProducerRecord<>(topic, 2, 1234L, "k", "v");
            record.headers().add("h", "ü".getBytes(StandardCharsets.UTF_8));
            producer.send(record).get();
        }
        List<StoredRecord> records = server.topics().readAll(topic);
        assertThat(records).hasSize(1);
        StoredRecord record = records.get(0);
        assertThat(record.partition()).isEqualTo(2);
        assertThat(record.timestamp().toEpochMilli()).isEqualTo(1234);
        assertThat(record.key()).isEqualTo("k");
        assertThat(record.text()).isEqualTo("v");
        assertThat(record.headers()).isEqualTo(Map.of("h", "ü"));
    }

    @Test
    void aTopicIsNotCreatedByUse() {
        String topic = "t-" + UUID.randomUUID();
        assertThatThrownBy(() -> {
                    try (KafkaProducer<String, String> producer = producer(KafkaServer.shared(), 2000, Map.of())) {
                        producer.send(new ProducerRecord<>(topic, "x")).get();
                    }
                })
                .hasMessageContaining("not present in metadata");
    }

    private static void send(KafkaServer server, String topic, String text) throws Exception {
        send(server, Map.of(), topic, text);
    }

    private static void send(KafkaServer server, Map<String, String> login, String topic, String text)
            throws Exception {
        try (KafkaProducer<String, String> producer = producer(server, LIMIT.toMillis(), login)) {
            producer.send(new ProducerRecord<>(topic, text)).get();
        }
    }

    private static KafkaProducer<String, String> producer(
            KafkaServer server, long maxBlockMillis, Map<String, String> login) {
        Map<String, Object> properties = new HashMap<>(login);
        properties.put("bootstrap.servers", server.bootstrapServers());
        properties.put("max.block.ms", maxBlockMillis);
        return new KafkaProducer<>(properties, new StringSerializer(), new StringSerializer());
    }

    private static boolean answers(KafkaServer server) {
        String[] address = server.bootstrapServers().split(":", 2);
        try (Socket socket = new Socket()) {
            socket.connect(new InetSocketAddress(address[0], Integer.parseInt(address[1])), 1000);
            return true;
        } catch (IOException refused) {
            return false;
        }
    }
}
