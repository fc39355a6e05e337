package io.outboxrelay.relay.process;

import java.sql.Connection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

import io.outboxrelay.schema.SchemaScript;
import io.outboxrelay.testkit.KafkaServer;
import io.outboxrelay.testkit.PostgresServer;
import io.outboxrelay.testkit.RelayProcess;
import io.outboxrelay.testkit.StoredRecord;
import io.outboxrelay.testkit.TestDatabase;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

/** Whatever a row holds arrives as it is. */
class ContentIT {

    /** One line of every script that a test of text should know, and what else is awkward. */
    private static final List<String> SCRIPTS = List.of(
            "Latin größe",
            "Ελληνικά",
            "Кириллица",
            "עברית",
            "العربية",
            "हिन्दी",
            "ไทย",
            "한국어",
            "漢字かなカナ",
            "ქართული",
            "አማርኛ",
            "🚀👩‍👩‍👧‍👦",
            "𝒜𐍈𠀀",
            "e\u0301 combining",
            "\u202eright to left",
            "tab\tquote\"backslash\\",
            " ");

    @Test
    void keysAndPayloadsInEveryScriptArriveUnchanged() throws Exception {
        try (Deployment deployment = withPayload("text", PostgresServer.shared().createDatabase())) {
            deployment.startRelay();
            for (String text : SCRIPTS) {
                insert(deployment, text, text);
            }

            Map<String, String> arrived = new HashMap<>();
            for (StoredRecord message : deployment.read(SCRIPTS.size())) {
                arrived.put(message.key(), message.text());
            }
            assertThat(arrived).hasSize(SCRIPTS.size());
            SCRIPTS.forEach(text -> assertThat(arrived).containsEntry(text, text));
        }
    }

    @Test
    void everyByteOfAByteaArrivesUnchanged() throws Exception {
        byte[] bytes = new byte[1024];
        for (int i = 0; i < bytes.length; i++) {
            bytes[i] = (byte) i;
        }
        try (Deployment deployment =
                withPayload("bytea", PostgresServer.shared().createDatabase())) {
            deployment.startRelay();
            insert(deployment, "k", bytes);

            assertThat(deployment.read(1).get(0).value()).isEqualTo(bytes);
        }
    }

    @Test
    void aDatabaseInLatin1GivesUtf8() throws Exception {
        try (Deployment deployment = withPayload("text", PostgresServer.shared().createDatabase("LATIN1"))) {
            deployment.startRelay();
            insert(deployment, "Schlüssel", "größe naïve ½");

            StoredRecord message = deployment.read(1).get(0);
            assertThat(message.key()).isEqualTo("Schlüssel");
            assertThat(message.value()).isEqualTo("größe naïve ½".getBytes(UTF_8));
        }
    }

    @Test
    void jsonbAndJsonArriveAsPostgresPrintsThem() throws Exception {
        for (String type : List.of("jsonb", "json")) {
            try (Deployment deployment =
                    withPayload(type, PostgresServer.shared().createDatabase())) {
                deployment.startRelay();
                deployment.database().execute("""
                        INSERT INTO outbox (aggregate_type, aggregate_id, type, payload)
                        VALUES ('order', 'k', 'placed', '{"b":1.50,  "a":[1,2], "b":2.50}')
                        """);

                assertThat(deployment.read(1).get(0).text())
                        .isEqualTo(deployment.query("SELECT payload::text FROM outbox"));
            }
        }
    }

    @Test
    void aPayloadOf8MegabytesArrives() throws Exception {
        try (Deployment deployment = withPayload("text", PostgresServer.shared().createDatabase())) {
            deployment.startRelay();
            deployment.database().execute("""
                    INSERT INTO outbox (aggregate_type, aggregate_id, type, payload)
                    SELECT 'order', 'big', 'placed', string_agg(md5(n::text), '') FROM generate_series(1, 262144) n
                    """);

            byte[] payload = deployment.read(1).get(0).value();
            assertThat(payload).hasSize(8 * 1024 * 1024);
            assertThat(new String(payload, UTF_8)).isEqualTo(deployment.query("SELECT payload FROM outbox"));
        }
    }

    @Test
    void aTransactionOfOneHundredThousandRowsArrivesWholeAndInOrder() throws Exception {
        try (Deployment deployment = withPayload("text", PostgresServer.shared().createDatabase())) {
            deployment.startRelay();
            deployment.database().execute("""
                    INSERT INTO outbox (aggregate_type, aggregate_id, type, payload)
                    SELECT 'order', (n % 100)::text, 'placed', n::text FROM generate_series(1, 100000) n
                    """);

            Map<String, Integer> last = new HashMap<>();
            List<StoredRecord> messages = deployment.read(100_000);
            assertThat(messages).hasSize(100_000);
            for (StoredRecord message : messages) {
                int number = Integer.parseInt(message.text());
                Integer before = last.put(message.key(), number);
                assertThat(before == null ? -1 : before)
                        .as("key %s", message.key())
                        .isLessThan(number);
            }
        }
    }

    @Test
    void aTableWithQuotedMixedCaseNamesInAnotherSchemaIsRelayed() throws Exception {
        String sql = """
                CREATE SCHEMA "Sales Dept";
                CREATE TABLE "Sales Dept"."Out Box" (
                    "Seq" bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
                    "Event Id" uuid NOT NULL DEFAULT gen_random_uuid(),
                    "AggType" text, "AggId" text, "Kind" text, "Body" jsonb);
                CREATE PUBLICATION out_box_pub FOR TABLE "Sales Dept"."Out Box" WITH (publish = 'insert');
                SET search_path = "Sales Dept";
                """ + SchemaScript.RELAY.sql();
        String config = """
                outbox {
                  schema = "Sales Dept", table = "Out Box"
                  columns { id = "Event Id", aggregate-type = AggType, aggregate-id = AggId, type = Kind, payload = Body
                            headers = "", created-at = "", seq = Seq }
                }
                source { debezium.publication = out_box_pub, pgoutput.publication = out_box_pub }
                """;
        try (Deployment deployment =
                Deployment.create(PostgresServer.shared().createDatabase(), KafkaServer.shared(), sql, config)) {
            deployment.startRelay();
            deployment.database().execute("""
                    INSERT INTO "Sales Dept"."Out Box" ("Event Id", "AggType", "AggId", "Kind", "Body")
                    VALUES ('00000000-0000-0000-0000-000000000007', 'order', 'k', 'placed', '[1]')
                    """);

            StoredRecord message = deployment.read(1).get(0);
            assertThat(message.text()).isEqualTo("[1]");
            assertThat(message.headers()).containsEntry("id", "00000000-0000-0000-0000-000000000007");
            Awaitility.await("the row to be deleted")
                    .atMost(Deployment.PATIENCE)
                    .until(() -> deployment
                            .query("SELECT count(*) FROM \"Sales Dept\".\"Out Box\"")
                            .equals("0"));
        }
    }

    @Test
    void poisonousRowsHaveTheirDecidedOutcomeAndStopNoOtherAggregateUnderParkKey() throws Exception {
        String longKey = noise(100 << 10);
        String manyHeaders = IntStream.range(0, 10_000)
                .mapToObj(n -> "\"h" + n + "\": \"" + n + "\"")
                .collect(Collectors.joining(", ", "{", "}"));
        String sql = SchemaScript.TABLE.sql()
                + SchemaScript.RELAY.sql()
                + SchemaScript.DEAD_LETTER.sql()
                + "ALTER TABLE outbox ALTER payload DROP NOT NULL, ALTER payload TYPE text USING payload::text,"
                + " ALTER headers DROP DEFAULT, ALTER headers TYPE text USING headers::text;";
        TestDatabase database = PostgresServer.shared().createDatabase();
        try (Deployment deployment = Deployment.create(database, KafkaServer.shared(), sql, "")) {
            String topic = deployment.topic();
            KafkaServer.shared().createTopic(topic + ".small", 1, Map.of("max.message.bytes", "50000"));
            deployment.configure("""
                    delivery { on-rejected = park-key, null-payload = tombstone, topic = "{aggregateType}"
                               headers { tenant = "{headers.tenant}" } }
                    """);
            RelayProcess relay = deployment.startRelay();
            String fine = "{\"tenant\": \"t\"}";
            row(deployment, topic, "type", "a type that nobody knows", "x", fine);
            row(deployment, topic, "empty", "placed", "", fine);
            row(deployment, topic, "blank", "placed", " \n", fine);
            row(deployment, topic, "null", "placed", null, fine);
            row(deployment, topic, "nested", "placed", "x", "{\"tenant\": 1.50, \"n\": {\"a\": [1.10]}, \"no\": null}");
            row(deployment, topic, "many", "placed", "x", "{\"tenant\": \"t\", " + manyHeaders.substring(1));
            row(deployment, topic, longKey, "placed", "x", fine);
            row(deployment, topic, "no object", "placed", "x", "[1]");
            row(deployment, topic, "no json", "placed", "x", "secret");
            row(deployment, topic, "half", "placed", "x", "{\"tenant\": \"\\ud800\"}");
            row(deployment, topic, "no tenant", "placed", "x", "{}");
            row(deployment, topic + "/?*", "illegal", "placed", "x", fine);
            row(deployment, noise(20_000), "illegal and long", "placed", "x", fine);
            row(deployment, topic + ".small", longKey, "placed", "x", fine);
            row(deployment, topic, "no json", "behind", "x", fine);
            row(deployment, topic + ".small", longKey, "behind", "x", fine);
            row(deployment, topic, "last", "placed", "flows", fine);

            Map<String, StoredRecord> arrived = new HashMap<>();
            deployment.read(8).forEach(message -> arrived.put(message.key(), message));
            assertThat(arrived).containsOnlyKeys("type", "empty", "blank", "null", "nested", "many", longKey, "last");
            assertThat(arrived.get("type").headers()).containsEntry("type", "a type that nobody knows");
            assertThat(arrived.get("empty").value()).isEmpty();
            assertThat(arrived.get("blank").text()).isEqualTo(" \n");
            assertThat(arrived.get("null").value()).isNull();
            assertThat(arrived.get("nested").headers())
                    .containsEntry("tenant", "1.50")
                    .containsEntry("n", "{\"a\":[1.10]}")
                    .doesNotContainKey("no");
            assertThat(arrived.get("many").headers()).hasSizeGreaterThan(10_000).containsEntry("h9999", "9999");
            Awaitility.await("the others to be put aside")
                    .atMost(Deployment.PATIENCE)
                    .untilAsserted(() -> assertThat(
                                    deployment.query("SELECT count(*) || ' ' || count(*) FILTER (WHERE kind = 'behind')"
                                            + " FROM outbox_dead_letter"))
                            .isEqualTo("9 2"));
            assertThat(deployment.query("SELECT string_agg(aggregate_id || '=' || kind, ', ' ORDER BY seq)"
                            + " FROM outbox_dead_letter WHERE aggregate_type = '" + topic + "'"))
                    .isEqualTo("no object=unfit_row, no json=unfit_row, half=unfit_row, no tenant=unfit_row,"
                            + " no json=behind");
            assertThat(relay.output()).noneMatch(line -> line.contains("secret"));
            assertThat(relay.isAlive()).isTrue();
        }
    }

    /** Text that no database compresses below the limits of an index. */
    private static String noise(int length) {
        return new Random(length)
                .ints(length, 'a', 'z' + 1)
                .collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append)
                .toString();
    }

    private static void row(
            Deployment deployment,
            String aggregateType,
            String aggregateId,
            String type,
            String payload,
            String headers)
            throws Exception {
        try (Connection connection = deployment.database().connect();
                var insert = connection.prepareStatement(
                        "INSERT INTO outbox (aggregate_type, aggregate_id, type, payload, headers)"
                                + " VALUES (?, ?, ?, ?, ?)")) {
            insert.setString(1, aggregateType);
            insert.setString(2, aggregateId);
            insert.setString(3, type);
            insert.setString(4, payload);
            insert.setString(5, headers);
            insert.executeUpdate();
        }
    }

    private static Deployment withPayload(String type, TestDatabase database) throws Exception {
        String sql = SchemaScript.TABLE.sql() + SchemaScript.RELAY.sql() + "ALTER TABLE outbox ALTER payload TYPE "
                + type + " USING payload::text::" + type + ";";
        // What arrives is compared with what the table holds.
        return Deployment.create(
                database, KafkaServer.shared(), sql, "outbox.after-delivery = keep\nsource.fallback = none\n");
    }

    private static void insert(Deployment deployment, String key, Object payload) throws Exception {
        try (Connection connection = deployment.database().connect();
                var insert =
                        connection.prepareStatement("INSERT INTO outbox (aggregate_type, aggregate_id, type, payload)"
                                + " VALUES ('order', ?, 'placed', ?)")) {
            insert.setString(1, key);
            insert.setObject(2, payload);
            insert.executeUpdate();
        }
    }
}
