package io.outboxrelay.relay.process;

import java.sql.Connection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

import io.outboxrelay.schema.SchemaScript;
import io.outboxrelay.testkit.KafkaServer;
import io.outboxrelay.testkit.PostgresServer;
import io.outboxrelay.testkit.StoredRecord;
import io.outboxrelay.testkit.TestDatabase;
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
                source.debezium.publication = out_box_pub
                """;
        try (Deployment deployment =
                Deployment.create(PostgresServer.shared().createDatabase(), KafkaServer.shared(), sql, config)) {
            deployment.startRelay();
            deployment.database().execute("""
                    INSERT INTO "Sales Dept"."Out Box" ("AggType", "AggId", "Kind", "Body")
                    VALUES ('order', 'k', 'placed', '[1]')
                    """);

            StoredRecord message = deployment.read(1).get(0);
            assertThat(message.text()).isEqualTo("[1]");
            assertThat(message.headers())
                    .containsEntry("id", deployment.query("SELECT \"Event Id\" FROM \"Sales Dept\".\"Out Box\""));
        }
    }

    private static Deployment withPayload(String type, TestDatabase database) throws Exception {
        String sql = SchemaScript.TABLE.sql() + SchemaScript.RELAY.sql() + "ALTER TABLE outbox ALTER payload TYPE "
                + type + " USING payload::text::" + type + ";";
        return Deployment.create(database, KafkaServer.shared(), sql, "");
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
