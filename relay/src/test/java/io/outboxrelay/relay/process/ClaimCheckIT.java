package io.outboxrelay.relay.process;

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.security.MessageDigest;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.time.Duration;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

import io.outboxrelay.schema.SchemaScript;
import io.outboxrelay.testkit.KafkaServer;
import io.outboxrelay.testkit.PostgresServer;
import io.outboxrelay.testkit.RelayProcess;
import io.outboxrelay.testkit.StoredRecord;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;

class ClaimCheckIT {

    private static final Pattern HTTP_ADDRESS = Pattern.compile("127\\.0\\.0\\.1:(\\d+)");
    private static final String TOKEN = "the token of ClaimCheckIT".replace(' ', '-');

    @Test
    void aPayloadOf5MegabytesGoesThroughATopicOf1MegabyteByReferenceAndInOrder() throws Exception {
        byte[] payload = noise(5 << 20);
        try (Deployment deployment = deployment(KafkaServer.shared())) {
            String small = "small." + deployment.topic();
            KafkaServer.shared().createTopic(small, 1, Map.of("max.message.bytes", "1048576"));
            deployment.configure("""
                    delivery { topic = "%s", oversize = claim-check
                               claim-check { token = "%s", types = [drawing] } }
                    """.formatted(small, TOKEN));
            RelayProcess relay = deployment.startRelay();
            insert(deployment, "a", "placed", new byte[] {1});
            insert(deployment, "a", "placed", payload);
            insert(deployment, "a", "placed", new byte[] {2});
            insert(deployment, "a", "drawing", new byte[] {3});
            insert(deployment, "a", "placed", new byte[] {4});

            List<StoredRecord> messages = KafkaServer.shared().read(small, 5, Deployment.PATIENCE);
            assertThat(List.of(messages.get(0), messages.get(2), messages.get(4)))
                    .allSatisfy(message -> assertThat(message.headers()).doesNotContainKey("claim-check"))
                    .extracting(message -> message.value()[0])
                    .containsExactly((byte) 1, (byte) 2, (byte) 4);
            StoredRecord large = messages.get(1);
            String id = large.headers().get("claim-check");
            assertThat(large.headers())
                    .containsEntry("claim-check-sha256", sha256(payload))
                    .containsEntry("claim-check-size", Integer.toString(payload.length));
            assertThat(large.text()).startsWith("{\"claimCheck\":\"" + id + "\"");

            assertThat(fetchBySql(deployment, id)).isEqualTo(payload);
            assertThat(fetch(relay, id, TOKEN).body()).isEqualTo(payload);
            assertThat(fetch(relay, id, "wrong-" + TOKEN).statusCode()).isEqualTo(403);
            String drawing = messages.get(3).headers().get("claim-check");
            assertThat(fetch(relay, drawing, TOKEN).body()).containsExactly(3);
            assertThat(relay.output()).noneMatch(line -> line.contains(TOKEN));
        }
    }

    @Test
    void aRelayThatIsKilledBetweenPayloadAndMessageStoresNoSecondPayloadAndLosesNothing() throws Exception {
        KafkaServer kafka = KafkaServer.start();
        try (Deployment deployment = deployment(kafka)) {
            deployment.configure("delivery.claim-check.types = [drawing]\n");
            RelayProcess first = deployment.startRelay();
            // A relay that reads the table meanwhile changes to the log, and cannot begin that without Kafka.
            first.awaitLine("STREAMING", Deployment.PATIENCE);
            insert(deployment, "a", "placed", new byte[] {1});
            // An event whose answer is lost is sent once more first, and what comes later waits for it.
            deployment.awaitEmptyTable();
            kafka.stop();
            insert(deployment, "a", "drawing", new byte[] {2});
            insert(deployment, "a", "placed", new byte[] {3});
            Awaitility.await("the payload to be stored while its message cannot be")
                    .atMost(Deployment.PATIENCE)
                    .until(() -> payloads(deployment).equals("1"));
            first.kill();
            kafka.restart();
            deployment.startRelay();

            List<StoredRecord> messages = kafka.read(deployment.topic(), 3, Deployment.PATIENCE);
            assertThat(messages)
                    .extracting(message -> message.headers().get("type"))
                    .containsExactly("placed", "drawing", "placed");
            assertThat(fetchBySql(deployment, messages.get(1).headers().get("claim-check")))
                    .containsExactly(2);
            assertThat(payloads(deployment)).isEqualTo("1");
        } finally {
            kafka.close();
        }
    }

    @Test
    void withoutTheTableTheRelayDoesNotStartAndSaysWhatToRun() throws Exception {
        try (Deployment deployment = deployment(KafkaServer.shared())) {
            deployment.database().execute("DROP TABLE outbox_claim_check");
            deployment.configure("delivery.oversize = claim-check\n");
            RelayProcess relay = deployment.launchRelay();
            relay.awaitExit(Deployment.PATIENCE);

            assertThat(relay.output())
                    .anyMatch(line -> line.contains("outbox_claim_check not found")
                            && line.contains("V4__outbox_dead_letter.sql"));
        }
    }

    @Test
    void theRateLimitHoldsRoughly() throws Exception {
        try (Deployment deployment = deployment(KafkaServer.shared())) {
            deployment.configure("delivery.rate-limit { events-per-second = 200, burst = 50 }\n");
            deployment.startRelay();
            long began = System.nanoTime();
            deployment.database().execute("""
                    INSERT INTO outbox (aggregate_type, aggregate_id, type, payload)
                    SELECT 'order', (n % 7)::text, 'placed', '\\x00' FROM generate_series(1, 1050) n
                    """);

            assertThat(deployment.read(1_050)).hasSize(1_050);
            // 50 at once and 1,000 at 200 a second.
            assertThat(Duration.ofNanos(System.nanoTime() - began))
                    .isBetween(Duration.ofMillis(4_900), Duration.ofSeconds(60));
        }
    }

    private static Deployment deployment(KafkaServer kafka) throws Exception {
        return Deployment.create(
                PostgresServer.shared().createDatabase(),
                kafka,
                SchemaScript.TABLE.sql() + SchemaScript.RELAY.sql() + SchemaScript.DEAD_LETTER.sql()
                        + "ALTER TABLE outbox ALTER payload TYPE bytea USING convert_to(payload::text, 'UTF8');",
                "");
    }

    private static void insert(Deployment deployment, String aggregateId, String type, byte[] payload)
            throws Exception {
        try (Connection connection = deployment.database().connect();
                PreparedStatement insert =
                        connection.prepareStatement("INSERT INTO outbox (aggregate_type, aggregate_id, type, payload)"
                                + " VALUES ('order', ?, ?, ?)")) {
            insert.setString(1, aggregateId);
            insert.setString(2, type);
            insert.setBytes(3, payload);
            insert.executeUpdate();
        }
    }

    private static String payloads(Deployment deployment) throws Exception {
        return deployment.query("SELECT count(*) FROM outbox_claim_check");
    }

    /** As docs/content.md tells consumers. */
    private static byte[] fetchBySql(Deployment deployment, String id) throws Exception {
        try (Connection connection = deployment.database().connect();
                PreparedStatement select =
                        connection.prepareStatement("SELECT payload FROM outbox_claim_check WHERE id = ?")) {
            select.setString(1, id);
            try (ResultSet row = select.executeQuery()) {
                return row.next() ? row.getBytes(1) : null;
            }
        }
    }

    private static HttpResponse<byte[]> fetch(RelayProcess relay, String id, String token) throws Exception {
        Matcher address = HTTP_ADDRESS.matcher(String.join("\n", relay.output()));
        assertThat(address.find()).as("the log says where it listens").isTrue();
        URI uri = URI.create("http://127.0.0.1:" + address.group(1) + "/claim-check/" + id);
        return HttpClient.newHttpClient()
                .send(
                        HttpRequest.newBuilder(uri)
                                .header("Authorization", "Bearer " + token)
                                .build(),
                        HttpResponse.BodyHandlers.ofByteArray());
    }

    private static byte[] noise(int size) {
        byte[] bytes = new byte[size];
        new Random(size).nextBytes(bytes);
        return bytes;
    }

    private static String sha256(byte[] bytes) throws Exception {
        return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
    }
}
