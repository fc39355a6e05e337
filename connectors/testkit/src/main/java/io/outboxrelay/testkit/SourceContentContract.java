package io.outboxrelay.testkit;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.Optional;
import java.util.Set;

import io.outboxrelay.api.OutboxEvent;
import io.outboxrelay.api.OutboxSource;
import io.outboxrelay.schema.OutboxColumns;
import io.outboxrelay.schema.OutboxTable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import static org.assertj.core.api.Assertions.assertThat;

/**
 * What every {@link OutboxSource} makes of a row: nothing but an event with exactly the row's contents, whatever the
 * table looks like.
 *
 * <p>Each test has a database of its own on the shared server. Where it compares the event with the row, the row is not
 * settled, and so still there.
 */
public abstract class SourceContentContract extends SourceSuite {

    /** For subclasses. */
    protected SourceContentContract() {}

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "jsonb | {\"b\": 1, \"a\": [1, 2.50, null, \"x\"]}",
                "json  | {\"b\":1,  \"a\" : [ 1,2.50 ], \"b\": 2}",
                "text  | no json at all: \\x41 'quoted' \"too\"",
                "varchar(100) | short"
            })
    void aPayloadIsExactlyTheTextThatPostgresPrints(String type, String payload) throws Exception {
        OutboxFixture outbox =
                use(OutboxFixture.withPayload(PostgresServer.shared().createDatabase(), type));
        RecordingHandler handler = RecordingHandler.holdingBack();
        start(outbox, handler);

        insertPayload(outbox, type, payload);

        awaitEvents(handler, 1);
        assertThat(handler.events().get(0).payload())
                .asString(StandardCharsets.UTF_8)
                .isEqualTo(outbox.query("SELECT payload::text FROM outbox"));
    }

    @Test
    void aByteaPayloadKeepsEveryByte() throws Exception {
        OutboxFixture outbox =
                use(OutboxFixture.withPayload(PostgresServer.shared().createDatabase(), "bytea"));
        RecordingHandler handler = RecordingHandler.settlingAtOnce();
        start(outbox, handler);
        byte[] payload = new byte[512];
        for (int i = 0; i < payload.length; i++) {
            payload[i] = (byte) i;
        }

        try (Connection connection = outbox.database().connect();
                PreparedStatement statement = connection.prepareStatement(
                        "INSERT INTO outbox (aggregate_type, aggregate_id, type, payload) VALUES ('t', 'a', 'x', ?), ('t', 'a', 'y', '')")) {
            statement.setBytes(1, payload);
            statement.execute();
        }

        awaitEvents(handler, 2);
        assertThat(handler.events().get(0).payload()).isEqualTo(payload);
        assertThat(handler.events().get(1).payload()).isEmpty();
    }

    @Test
    void textOfEveryScriptComesThrough() throws Exception {
        OutboxFixture outbox =
                use(OutboxFixture.withPayload(PostgresServer.shared().createDatabase(), "text"));
        RecordingHandler handler = RecordingHandler.holdingBack();
        start(outbox, handler);
        String text = everyScript();

        try (Connection connection = outbox.database().connect();
                PreparedStatement statement = connection.prepareStatement(
                        "INSERT INTO outbox (aggregate_type, aggregate_id, type, payload, headers)"
                                + " VALUES (?, ?, ?, ?, jsonb_build_object('h', ?::text))")) {
            for (int i = 1; i <= 5; i++) {
                statement.setString(i, text);
            }
            statement.execute();
        }

        awaitEvents(handler, 1);
        OutboxEvent event = handler.events().get(0);
        assertThat(event.aggregateType()).isEqualTo(text);
        assertThat(event.aggregateId()).isEqualTo(text);
        assertThat(event.type()).isEqualTo(text);
        assertThat(event.payload()).isEqualTo(text.getBytes(StandardCharsets.UTF_8));
        assertThat(event.headers()).isEqualTo(outbox.query("SELECT headers::text FROM outbox"));
    }

    @Test
    void aDatabaseInLatin1IsReadAsUtf8() throws Exception {
        OutboxFixture outbox =
                use(OutboxFixture.withPayload(PostgresServer.shared().createDatabase("LATIN1"), "text"));
        RecordingHandler handler = RecordingHandler.settlingAtOnce();
        start(outbox, handler);

        outbox.execute("INSERT INTO outbox (aggregate_type, aggregate_id, type, payload)"
                + " VALUES ('Bücher', 'Ærø', 'façade', 'Straße ÿ')");

        awaitEvents(handler, 1);
        OutboxEvent event = handler.events().get(0);
        assertThat(event.aggregateType()).isEqualTo("Bücher");
        assertThat(event.aggregateId()).isEqualTo("Ærø");
        assertThat(event.type()).isEqualTo("façade");
        assertThat(event.payload()).asString(StandardCharsets.UTF_8).isEqualTo("Straße ÿ");
    }

    @Test
    void aTableOfAnotherSchemaWithQuotedNamesIsRead() throws Exception {
        OutboxTable table = new OutboxTable(
                "Order, Service",
                "Out.Box (\"new\")",
                new OutboxColumns(
                        "Event Id",
                        "Kind,Of",
                        "Which One",
                        "What",
                        "Body",
                        Optional.of("Meta.Data"),
                        Optional.empty(),
                        Optional.of("No")));
        OutboxFixture outbox = use(OutboxFixture.of(
                PostgresServer.shared().createDatabase(),
                table,
                "CREATE TABLE "
                        + table.quoted()
                        + " (\"No\" bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, \"Event Id\" int,"
                        + " \"Kind,Of\" text, \"Which One\" bigint, \"What\" varchar(40), \"Body\" json, \"Meta.Data\" json,"
                        + " \"Unused\" timestamptz DEFAULT now())"));
        outbox.execute("CREATE TABLE \"Order, Service\".\"out.box (\"\"new\"\")\" (LIKE " + table.quoted() + ");"
                + "ALTER PUBLICATION " + OutboxFixture.PUBLICATION
                + " ADD TABLE \"Order, Service\".\"out.box (\"\"new\"\")\"");
        RecordingHandler handler = RecordingHandler.settlingAtOnce();
        start(outbox, handler);

        outbox.execute("INSERT INTO \"Order, Service\".\"out.box (\"\"new\"\")\" VALUES (1, 1, 'another table')");
        outbox.execute("INSERT INTO " + table.quoted() + " VALUES (1, 42, 'order', 9000000000, 'placed', '[]', '{}')");

        awaitEvents(handler, 1);
        OutboxEvent event = handler.events().get(0);
        assertThat(event.id()).isEqualTo("42");
        assertThat(event.aggregateType()).isEqualTo("order");
        assertThat(event.aggregateId()).isEqualTo("9000000000");
        assertThat(event.type()).isEqualTo("placed");
        assertThat(event.payload()).asString(StandardCharsets.UTF_8).isEqualTo("[]");
        assertThat(event.headers()).isEqualTo("{}");
    }

    @Test
    void aNullInAColumnIsANullInTheEvent() throws Exception {
        OutboxFixture outbox = outbox();
        outbox.execute("ALTER TABLE outbox ALTER id DROP NOT NULL");
        RecordingHandler handler = RecordingHandler.settlingAtOnce();
        start(outbox, handler);

        outbox.execute("INSERT INTO outbox (id, aggregate_type, aggregate_id, type, payload, headers, created_at)"
                + " VALUES (NULL, NULL, NULL, NULL, NULL, NULL, NULL)");

        awaitEvents(handler, 1);
        OutboxEvent event = handler.events().get(0);
        assertThat(event.id()).isNull();
        assertThat(event.aggregateType()).isNull();
        assertThat(event.aggregateId()).isNull();
        assertThat(event.type()).isNull();
        assertThat(event.payload()).isNull();
        assertThat(event.headers()).isNull();
    }

    @ParameterizedTest
    @ValueSource(strings = {"text", "bytea"})
    void aPayloadOfEightMegabytesComesThrough(String type) throws Exception {
        OutboxFixture outbox =
                use(OutboxFixture.withPayload(PostgresServer.shared().createDatabase(), type));
        RecordingHandler handler = RecordingHandler.holdingBack();
        start(outbox, handler);

        outbox.execute("INSERT INTO outbox (aggregate_type, aggregate_id, type, payload) SELECT 't', 'a', 'big',"
                + " convert_to(string_agg(md5(n::text), ''), 'UTF8')"
                + (type.equals("text") ? "::text" : "") + " FROM generate_series(1, 262144) n");

        awaitEvents(handler, 1);
        byte[] payload = handler.events().get(0).payload();
        assertThat(payload.length).isGreaterThanOrEqualTo(8 << 20);
        assertThat(md5(payload))
                .isEqualTo(
                        outbox.query("SELECT md5(payload" + (type.equals("text") ? "::text" : "") + ") FROM outbox"));
    }

    private static void insertPayload(OutboxFixture outbox, String type, String payload) throws SQLException {
        try (Connection connection = outbox.database().connect();
                PreparedStatement statement = connection.prepareStatement(
                        "INSERT INTO outbox (aggregate_type, aggregate_id, type, payload) VALUES ('t', 'a', 'x', ?::"
                                + type + ")")) {
            statement.setString(1, payload);
            statement.execute();
        }
    }

    private static String md5(byte[] bytes) throws Exception {
        return HexFormat.of().formatHex(MessageDigest.getInstance("MD5").digest(bytes));
    }

    /** Letters of every script that Unicode knows, the ends of its planes, and what editors trip over. */
    private static String everyScript() {
        StringBuilder text = new StringBuilder("\u0001\t\r\n\u007F\u00A0\u200D\uFEFF\uFFFD\uFFFF\\x\\000'\"");
        Set<Character.UnicodeScript> seen = new HashSet<>();
        for (int c = ' '; c <= Character.MAX_CODE_POINT; c++) {
            boolean isCharacter = Character.isDefined(c) && Character.getType(c) != Character.SURROGATE;
            if (isCharacter && seen.add(Character.UnicodeScript.of(c))) {
                text.appendCodePoint(c);
            }
        }
        return text.append("e\u0301\uD83D\uDC69\u200D\uD83D\uDE80")
                .appendCodePoint(0x10FFFD)
                .toString();
    }
}
