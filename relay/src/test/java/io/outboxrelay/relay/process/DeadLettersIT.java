package io.outboxrelay.relay.process;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.outboxrelay.testkit.KafkaServer;
import io.outboxrelay.testkit.PostgresServer;
import io.outboxrelay.testkit.RelayProcess;
import io.outboxrelay.testkit.StoredRecord;
import org.junit.jupiter.api.Test;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

class DeadLettersIT {

    private final KafkaServer kafka = KafkaServer.shared();
    private final ObjectMapper json = new ObjectMapper();

    @Test
    void aParkedAggregateSurvivesAKillAndIsRedrivenInOrderWhenTheCauseIsMended() throws Exception {
        try (Deployment deployment = Deployment.create(PostgresServer.shared(), kafka)) {
            String small = "small." + deployment.topic();
            kafka.createTopic(small, 4, Map.of("max.message.bytes", "10000"));
            deployment.configure("delivery { on-rejected = park-key, topic = \"%s\" }%n".formatted(small));
            RelayProcess first = deployment.startRelay();
            List<String> parked = new ArrayList<>();
            parked.add(deployment.insert("a", "x".repeat(20_000)));
            parked.add(deployment.insert("a", "1"));
            deployment.insert("b", "beside");
            assertThat(kafka.read(small, 1, Deployment.PATIENCE))
                    .extracting(StoredRecord::key)
                    .containsExactly("b");
            awaitPutAside(deployment, 2);
            first.awaitLine("1 aggregate(s) are parked", Deployment.PATIENCE);
            parked.add(deployment.insert("a", "2"));
            first.kill();

            RelayProcess second = deployment.startRelay();
            parked.add(deployment.insert("a", "3"));
            awaitPutAside(deployment, 4);
            JsonNode list = json(deployment.command("dead-letters", "list", "--output", "json"));
            assertThat(list.get("deadLetters").findValuesAsText("id")).isEqualTo(parked);
            assertThat(list.get("parkedAggregates").asInt()).isEqualTo(1);

            RelayProcess refused = deployment.command("dead-letters", "redrive", parked.get(1));
            assertThat(refused.awaitExit(Deployment.PATIENCE)).isEqualTo(1);
            assertThat(refused.output())
                    .containsExactly("outbox-relay: OR-6107 " + parked.get(1) + " waits behind " + parked.get(0)
                            + ", and cannot go before it: redrive that one, or --key order/a");
            deployment.command("dead-letters", "redrive", "--all");
            second.awaitLine("is rejected again", Deployment.PATIENCE);

            kafka.topics().configure(small, Map.of("max.message.bytes", "1000000"));
            RelayProcess redrive = deployment.command("dead-letters", "redrive", "--key", "order/a");
            assertThat(redrive.awaitExit(Deployment.PATIENCE)).isZero();
            awaitPutAside(deployment, 0);
            deployment.insert("a", "4");
            assertThat(untilText(small, "\"4\"").stream()
                            .filter(record -> "a".equals(record.key()))
                            .map(StoredRecord::text))
                    .containsExactly("\"" + "x".repeat(20_000) + "\"", "\"1\"", "\"2\"", "\"3\"", "\"4\"");
            String output = String.join("\n", second.output());
            assertThat(output).doesNotContain("xxxx");
        }
    }

    /** The kill may have sent the other aggregate's message twice: so not a number of messages, but up to the last one. */
    private List<StoredRecord> untilText(String topic, String text) {
        for (int count = 6; ; count++) {
            List<StoredRecord> records = kafka.read(topic, count, Deployment.PATIENCE);
            if (records.stream().anyMatch(record -> record.text().equals(text))) {
                return records;
            }
        }
    }

    @Test
    void aDeadLetterIsShownWithoutItsContentUnlessAskedForAndDiscarded() throws Exception {
        try (Deployment deployment = Deployment.create(PostgresServer.shared(), kafka)) {
            deployment.configure("delivery.on-rejected = dead-letter\n");
            RelayProcess relay = deployment.startRelay();
            String poison = deployment.query("""
                    INSERT INTO outbox (aggregate_type, aggregate_id, type, payload, headers)
                    VALUES ('order', 'a', NULL, '{"card": "4711"}', '{"trace": "t1"}') RETURNING id
                    """);
            deployment.insert("a", "flows");
            assertThat(deployment.read(1)).extracting(StoredRecord::text).containsExactly("\"flows\"");

            RelayProcess shown = deployment.command("dead-letters", "show", poison);
            assertThat(shown.output())
                    .contains(
                            "id: " + poison,
                            "kind: unfit_row",
                            "reason: the row's type is NULL",
                            "payloadBytes: 16",
                            "headerNames: trace",
                            "parked: false");
            assertThat(String.join("\n", shown.output())).doesNotContain("4711").doesNotContain("t1");
            assertThat(deployment
                            .command("dead-letters", "show", poison, "--payload")
                            .output())
                    .contains("{\"card\": \"4711\"}", "headers: {\"trace\": \"t1\"}");
            JsonNode content =
                    json(deployment.command("dead-letters", "show", poison, "--payload", "--output", "json"));
            assertThat(new String(content.get("payloadBase64").binaryValue(), UTF_8))
                    .isEqualTo("{\"card\": \"4711\"}");

            JsonNode noted = json(deployment.command("dead-letters", "discard", poison, "--output", "json"));
            assertThat(noted).isEqualTo(json.readTree("{\"wish\": \"discard\", \"events\": 1}"));
            relay.awaitLine("Discarded event " + poison, Deployment.PATIENCE);
            assertThat(String.join("\n", relay.output())).doesNotContain("4711");
            assertThat(deployment.command("dead-letters", "list").output())
                    .containsExactly("0 event(s) put aside, 0 aggregate(s) parked");
            RelayProcess gone = deployment.command("dead-letters", "show", poison);
            assertThat(gone.awaitExit(Deployment.PATIENCE)).isEqualTo(1);
            assertThat(gone.output()).containsExactly("outbox-relay: OR-6106 no event " + poison + " is put aside");
        }
    }

    @Test
    void aPolicyThatNeedsTheTableDoesNotStartWithoutIt() throws Exception {
        try (Deployment deployment = Deployment.create(PostgresServer.shared(), kafka)) {
            deployment.configure("delivery.on-rejected = park-key\n");
            deployment.database().execute("DROP TABLE outbox_dead_letter");
            RelayProcess check = deployment.command("check");
            RelayProcess run = deployment.command("run");

            assertThat(check.awaitExit(Deployment.PATIENCE)).isEqualTo(1);
            assertThat(check.output())
                    .anyMatch(line ->
                            line.startsWith("error    OR-6102 dead letters: public.outbox_dead_letter not found"))
                    .anyMatch(line ->
                            line.startsWith("         Remedy: ") && line.contains("V4__outbox_dead_letter.sql"));
            assertThat(run.awaitExit(Deployment.PATIENCE)).isEqualTo(1);
        }
    }

    @Test
    void exactlyOneWayToSayWhatIsRedrivenIsAllowed() throws Exception {
        try (Deployment deployment = Deployment.create(PostgresServer.shared(), kafka)) {
            assertThat(deployment.command("dead-letters", "redrive").awaitExit(Deployment.PATIENCE))
                    .isEqualTo(2);
            assertThat(deployment
                            .command("dead-letters", "redrive", "x", "--all")
                            .awaitExit(Deployment.PATIENCE))
                    .isEqualTo(2);
            assertThat(deployment
                            .command("dead-letters", "list", "--limit", "0")
                            .awaitExit(Deployment.PATIENCE))
                    .isEqualTo(2);
            assertThat(deployment.command("dead-letters", "redrive", "--all").awaitExit(Deployment.PATIENCE))
                    .isZero();
        }
    }

    private static void awaitPutAside(Deployment deployment, int events) {
        await(events + " events to be put aside")
                .atMost(Deployment.PATIENCE)
                .untilAsserted(() -> assertThat(deployment.query("SELECT count(*) FROM outbox_dead_letter"))
                        .isEqualTo(String.valueOf(events)));
    }

    private JsonNode json(RelayProcess command) throws Exception {
        return json.readTree(String.join("\n", command.output()));
    }
}
