package io.outboxrelay.broker.kafka;

import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;

import io.outboxrelay.api.Broker;
import io.outboxrelay.api.Message;
import io.outboxrelay.api.RejectedException;
import io.outboxrelay.testkit.BrokerContract;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.producer.MockProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

/** Nothing of a key is stored behind its refused message, however the client batches and wherever the stream begins. */
class FenceTest {

    private static final int RUNS = Integer.getInteger("fence.runs", 2);
    private static final int STREAM = 400;

    private static KafkaFixture kafka;

    @BeforeAll
    static void start() {
        kafka = new KafkaFixture(1, System.getProperty("fence.section", ""));
    }

    @AfterAll
    static void close() {
        kafka.close();
    }

    @Timeout(300)
    @ParameterizedTest(name = "refused at {0}")
    @ValueSource(ints = {0, 1, 5, 200})
    void whatIsStoredOfAStreamEndsBeforeItsRefusedMessage(int refusedAt) throws Exception {
        for (String batches : List.of("linger.ms = 0, batch.size = 1", "linger.ms = 5", "linger.ms = 0")) {
            for (int run = 0; run < RUNS; run++) {
                String topic = kafka.createDestination(1 << 20);
                try (Broker broker = Brokers.at(
                                kafka.server(),
                                "producer { " + batches + " }\n" + System.getProperty("fence.section", ""))
                        .open()) {
                    // The broker hears of the limit, and Kafka of nothing: the stream begins with the producer's first
                    // batch.
                    assertThatThrownBy(() -> broker.publish(kafka.unfit(topic))).isInstanceOf(RejectedException.class);
                    Message refusable = kafka.refusable(topic, "k");

                    List<CompletableFuture<Void>> stages = stream(broker, topic, refusedAt, refusable);

                    assertThat(failure(stages.get(refusedAt))).isInstanceOf(RejectedException.class);
                    assertThat(stages.subList(refusedAt + 1, STREAM))
                            .allSatisfy(stage ->
                                    assertThat(failure(stage)).isNotNull().isNotInstanceOf(RejectedException.class));
                }
                List<String> stored = kafka.read(topic, 0).stream()
                        .map(BrokerContract.Stored::payload)
                        .map(payload -> new String(payload, StandardCharsets.UTF_8))
                        .toList();
                assertThat(stored)
                        .as("%s, run %d", batches, run)
                        .isEqualTo(numbers(stored.size()))
                        .hasSizeLessThanOrEqualTo(refusedAt);
            }
        }
    }

    @Test
    @Timeout(60)
    void nothingStaysOpenAfterTheCloseOfAClientThatTellsNothingAnyMore() throws Exception {
        KafkaSettings settings =
                Brokers.read("bootstrap-servers = \"" + kafka.server().bootstrapServers() + "\"");
        Admin admin = Admin.create(settings.clients().admin());
        Producer<byte[], byte[]> silent =
                new MockProducer<>(false, null, new ByteArraySerializer(), new ByteArraySerializer());
        Broker broker =
                new KafkaBroker(silent, admin, new Topics(admin, settings.newTopics(), settings.answerTimeout()), 1);
        Message message = new Message(kafka.createDestination(1 << 20), "k", new byte[1], Map.of(), Instant.now());
        CompletableFuture<Void> stage = broker.publish(message).toCompletableFuture();
        assertThat(stage).isNotDone();

        broker.close();
        assertThat(stage).isCompletedExceptionally();
    }

    private static List<CompletableFuture<Void>> stream(Broker broker, String topic, int refusedAt, Message refusable)
            throws Exception {
        List<CompletableFuture<Void>> stages = new ArrayList<>();
        for (int i = 0; i < STREAM; i++) {
            Message message = i == refusedAt
                    ? refusable
                    : new Message(
                            topic,
                            "k",
                            Integer.toString(i).getBytes(StandardCharsets.UTF_8),
                            Map.of("id", "an id, as every event has"),
                            Instant.now());
            stages.add(broker.publish(message).toCompletableFuture());
        }
        return stages;
    }

    private static Throwable failure(CompletableFuture<Void> stage) throws Exception {
        try {
            stage.get(30, TimeUnit.SECONDS);
            return null;
        } catch (ExecutionException e) {
            return e.getCause();
        }
    }

    private static List<String> numbers(int to) {
        return IntStream.range(0, to).mapToObj(Integer::toString).toList();
    }
}
