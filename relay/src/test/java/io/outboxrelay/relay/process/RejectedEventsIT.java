package io.outboxrelay.relay.process;

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

import io.outboxrelay.testkit.KafkaServer;
import io.outboxrelay.testkit.PostgresServer;
import io.outboxrelay.testkit.RelayProcess;
import io.outboxrelay.testkit.StoredRecord;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

class RejectedEventsIT {

    private static final Pattern HEALTH_ADDRESS = Pattern.compile("127\\.0\\.0\\.1:(\\d+)");

    private final KafkaServer kafka = KafkaServer.shared();

    @Test
    void aHaltedRelayStaysUpAndGoesOnAfterSkip() throws Exception {
        try (Deployment deployment = Deployment.create(PostgresServer.shared(), kafka)) {
            RelayProcess relay = deployment.startRelay();
            String poison = insertPoison(deployment);
            deployment.insert("other", "flows");

            assertThat(deployment.read(1)).extracting(StoredRecord::key).containsExactly("other");
            relay.awaitLine("Halted at event " + poison, Deployment.PATIENCE);
            await("readiness turns, liveness does not")
                    .atMost(Deployment.PATIENCE)
                    .untilAsserted(() -> {
                        assertThat(probe(relay, "ready")).isEqualTo(503);
                        assertThat(probe(relay, "live")).isEqualTo(200);
                    });

            deployment.command("dead-letters", "skip", poison);
            relay.awaitLine("Skipped event " + poison, Deployment.PATIENCE);
            await("readiness turns back").atMost(Deployment.PATIENCE).until(() -> probe(relay, "ready") == 200);
            assertThat(relay.isAlive()).isTrue();
        }
    }

    @Test
    void aHaltedEventIsSkippedAlsoIfTheRelayIsKilledBeforeItsPositionMoved() throws Exception {
        try (Deployment deployment = Deployment.create(PostgresServer.shared(), kafka)) {
            RelayProcess first = deployment.startRelay();
            String poison = insertPoison(deployment);
            first.awaitLine("Halted at event " + poison, Deployment.PATIENCE);
            first.kill();
            deployment.command("dead-letters", "skip", poison);

            RelayProcess second = deployment.startRelay();
            second.awaitLine("Skipped event " + poison, Deployment.PATIENCE);
            deployment.insert("later", "flows");
            assertThat(deployment.read(1)).extracting(StoredRecord::key).containsExactly("later");
        }
    }

    @Test
    void aMessageThatIsTooLargeHoldsBackItsAggregateUntilTheTopicTakesItAndTheOperatorSaysRetry() throws Exception {
        try (Deployment deployment = Deployment.create(PostgresServer.shared(), kafka)) {
            kafka.createTopic("small." + deployment.topic(), 1, Map.of("max.message.bytes", "10000"));
            deployment.configure("delivery.topic = \"small." + deployment.topic() + "\"\n");
            RelayProcess relay = deployment.startRelay();
            String large = deployment.insert("a", "x".repeat(20_000));
            deployment.insert("a", "behind");
            deployment.insert("b", "beside");
            relay.awaitLine("Halted at event " + large, Deployment.PATIENCE);
            assertThat(kafka.read("small." + deployment.topic(), 1, Deployment.PATIENCE))
                    .extracting(StoredRecord::key)
                    .containsExactly("b");

            kafka.topics().configure("small." + deployment.topic(), Map.of("max.message.bytes", "1000000"));
            deployment.command("dead-letters", "retry", large);

            List<StoredRecord> all = kafka.read("small." + deployment.topic(), 3, Deployment.PATIENCE);
            assertThat(all).extracting(StoredRecord::key).containsExactly("b", "a", "a");
            assertThat(all.get(1).text()).hasSize(20_002);
        }
    }

    @Test
    void aDeadLetterKeepsBytesHeadersAndReasonAndTheStreamGoesOn() throws Exception {
        try (Deployment deployment = Deployment.create(PostgresServer.shared(), kafka)) {
            String deadLetters = "dead." + deployment.topic();
            kafka.createTopic(deadLetters, 1, Map.of());
            deployment.configure("""
                    delivery { on-rejected = dead-letter, dead-letter { store = topic, topic = "%s" } }
                    """.formatted(deadLetters));
            RelayProcess relay = deployment.startRelay();
            deployment.database().execute("""
                    INSERT INTO outbox (aggregate_type, aggregate_id, type, payload, headers)
                    VALUES ('order', NULL, 'placed', '{"a": 1}', '{"trace": "t1"}')
                    """);
            deployment.insert("next", "flows");

            assertThat(deployment.read(1)).extracting(StoredRecord::key).containsExactly("next");
            StoredRecord dead = kafka.read(deadLetters, 1, Deployment.PATIENCE).get(0);
            assertThat(dead.text()).isEqualTo("{\"a\": 1}");
            assertThat(dead.headers())
                    .containsEntry("dead-letter-reason", "the row's aggregate id is NULL")
                    .containsEntry("dead-letter-headers", "{\"trace\": \"t1\"}")
                    .containsEntry("type", "placed");
            assertThat(relay.output()).noneMatch(line -> line.contains("Halted"));
        }
    }

    private static String insertPoison(Deployment deployment) throws Exception {
        return deployment.query("""
                INSERT INTO outbox (aggregate_type, aggregate_id, type, payload)
                VALUES ('order', 'poisoned', NULL, '{}') RETURNING id
                """);
    }

    private static int probe(RelayProcess relay, String probe) throws Exception {
        Matcher address = HEALTH_ADDRESS.matcher(String.join("\n", relay.output()));
        assertThat(address.find()).as("the log says where probes are answered").isTrue();
        URI uri = URI.create("http://127.0.0.1:" + address.group(1) + "/health/" + probe);
        return HttpClient.newHttpClient()
                .send(HttpRequest.newBuilder(uri).build(), HttpResponse.BodyHandlers.discarding())
                .statusCode();
    }
}
