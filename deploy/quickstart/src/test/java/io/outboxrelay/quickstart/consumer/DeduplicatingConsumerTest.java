package io.outboxrelay.quickstart.consumer;

import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;

import io.outboxrelay.testkit.KafkaServer;
import io.outboxrelay.testkit.PostgresServer;
import io.outboxrelay.testkit.TestDatabase;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

final class DeduplicatingConsumerTest {

    private final KafkaServer kafka = KafkaServer.shared();
    private final String topic = "events-" + UUID.randomUUID();
    private TestDatabase database;

    @BeforeEach
    void createTopicAndTables() throws SQLException {
        kafka.createTopic(topic, 2, Map.of());
        database = PostgresServer.shared().createDatabase();
        database.execute("""
                CREATE TABLE applied_event (id uuid PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now());
                CREATE TABLE deposit (seq serial, account text NOT NULL, amount int NOT NULL CHECK (amount > 0));
                """);
    }

    @AfterEach
    void drop() throws SQLException {
        database.close();
    }

    @Test
    void anEventThatComesTwiceIsAppliedOnce() throws Exception {
        UUID first = UUID.randomUUID();
        UUID second = UUID.randomUUID();
        send(first, "1");
        send(second, "2");
        send(first, "1");
        send(second, "2");
        send(UUID.randomUUID(), "3");

        consumeUntilApplied(List.of(1, 2, 3));
    }

    @Test
    void aCrashBetweenTheDatabasesCommitAndThatOfTheOffsetsAppliesNothingTwice() throws Exception {
        send(UUID.randomUUID(), "1");
        send(UUID.randomUUID(), "2");

        try (Connection connection = database.connect();
                KafkaConsumer<String, byte[]> consumer = new KafkaConsumer<>(properties()) {
                    @Override
                    public void commitSync() {
                        // The first polls may bring nothing.
                        if (!deposits().isEmpty()) {
                            throw new CrashException();
                        }
                    }
                }) {
            consumer.subscribe(List.of(topic));
            assertThatThrownBy(() -> new DeduplicatingConsumer(consumer, connection, this::deposit).run())
                    .isInstanceOf(CrashException.class);
        }
        assertThat(deposits()).isNotEmpty();

        send(UUID.randomUUID(), "3");
        consumeUntilApplied(List.of(1, 2, 3));
    }

    @Test
    void anEffectThatFailsIsUndoneWithItsIdAndComesAgain() throws Exception {
        send(UUID.randomUUID(), "1");
        send(UUID.randomUUID(), "2");
        send(UUID.randomUUID(), "3");

        try (Connection connection = database.connect();
                KafkaConsumer<String, byte[]> consumer = new KafkaConsumer<>(properties())) {
            consumer.subscribe(List.of(topic));
            DeduplicatingConsumer.Effect failsAtTheSecond = (tx, event) -> {
                deposit(tx, event);
                if (amountOf(event) == 2) {
                    throw new CrashException();
                }
            };
            assertThatThrownBy(() -> new DeduplicatingConsumer(consumer, connection, failsAtTheSecond).run())
                    .isInstanceOf(CrashException.class);
        }
        assertThat(deposits()).containsExactly(1);

        consumeUntilApplied(List.of(1, 2, 3));
    }

    private void consumeUntilApplied(List<Integer> amounts) throws Exception {
        try (Connection connection = database.connect();
                KafkaConsumer<String, byte[]> consumer = new KafkaConsumer<>(properties())) {
            consumer.subscribe(List.of(topic));
            DeduplicatingConsumer deduplicating = new DeduplicatingConsumer(consumer, connection, this::deposit);
            CompletableFuture<Void> run = CompletableFuture.runAsync(() -> {
                try {
                    deduplicating.run();
                } catch (SQLException e) {
                    throw new IllegalStateException(e);
                }
            });
            Awaitility.await("the deposits, those applied again included")
                    .atMost(Duration.ofSeconds(30))
                    .until(() -> run.isDone() || deposits().size() >= amounts.size());
            deduplicating.stop();
            run.get();
        }
        assertThat(deposits()).isEqualTo(amounts);
    }

    private void send(UUID id, String amount) throws Exception {
        try (KafkaProducer<String, String> producer = new KafkaProducer<>(
                Map.of("bootstrap.servers", kafka.bootstrapServers()),
                new StringSerializer(),
                new StringSerializer())) {
            ProducerRecord<String, String> event = new ProducerRecord<>(topic, "account-1", amount);
            event.headers().add("id", id.toString().getBytes(StandardCharsets.UTF_8));
            producer.send(event).get();
        }
    }

    private Map<String, Object> properties() {
        Map<String, Object> properties = new HashMap<>();
        properties.put("bootstrap.servers", kafka.bootstrapServers());
        properties.put("group.id", topic);
        properties.put("enable.auto.commit", false);
        properties.put("auto.offset.reset", "earliest");
        properties.put("key.deserializer", StringDeserializer.class);
        properties.put("value.deserializer", ByteArrayDeserializer.class);
        return properties;
    }

    private void deposit(Connection tx, ConsumerRecord<String, byte[]> event) throws SQLException {
        try (PreparedStatement insert = tx.prepareStatement("INSERT INTO deposit (account, amount) VALUES (?, ?)")) {
            insert.setString(1, event.key());
            insert.setInt(2, amountOf(event));
            insert.executeUpdate();
        }
    }

    private static int amountOf(ConsumerRecord<String, byte[]> event) {
        return Integer.parseInt(new String(event.value(), StandardCharsets.UTF_8));
    }

    /** In the order in which they were applied. */
    private List<Integer> deposits() {
        try (Connection connection = database.connect();
                Statement statement = connection.createStatement();
                ResultSet rows = statement.executeQuery("SELECT array_agg(amount ORDER BY seq) FROM deposit")) {
            rows.next();
            return rows.getArray(1) == null
                    ? List.of()
                    : List.of((Integer[]) rows.getArray(1).getArray());
        } catch (SQLException e) {
            throw new IllegalStateException(e);
        }
    }

    private static final class CrashException extends RuntimeException {
        private static final long serialVersionUID = 1L;
    }
}
