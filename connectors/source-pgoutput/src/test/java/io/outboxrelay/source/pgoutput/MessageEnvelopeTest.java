package io.outboxrelay.source.pgoutput;

import java.nio.charset.StandardCharsets;
import java.time.Instant;

import io.outboxrelay.api.OutboxEvent;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import static org.assertj.core.api.Assertions.assertThat;

class MessageEnvelopeTest {

    private static final Instant TIME = Instant.parse("2026-01-02T03:04:05.678901Z");
    private static final RowPosition POSITION = new RowPosition(0x1234, 5);

    @Test
    void everyFieldOfTheEnvelopeIsThatOfTheEvent() {
        OutboxEvent event = event("""
                {"id": "e-1", "aggregate-type": "order", "aggregate-id": 17, "type": "placed",
                 "headers": {"traceparent": "00-ä"}, "more": [{"of": "no"}, "interest"],
                 "payload": {"total":  12.50, "text": "ü\\u00fc}"}}""");

        assertThat(event.id()).isEqualTo("e-1");
        assertThat(event.aggregateType()).isEqualTo("order");
        assertThat(event.aggregateId()).isEqualTo("17");
        assertThat(event.type()).isEqualTo("placed");
        assertThat(event.headers()).isEqualTo("{\"traceparent\": \"00-ä\"}");
        assertThat(text(event.payload())).isEqualTo("{\"total\":  12.50, \"text\": \"ü\\u00fc}\"}");
        assertThat(event.occurredAt()).isEqualTo(TIME);
        assertThat(event.position()).isEqualTo(POSITION);
    }

    @Test
    void aPayloadThatIsATextIsThatText() {
        assertThat(text(event("{\"payload\": \"a \\\"b\\\"\\n\"}").payload())).isEqualTo("a \"b\"\n");
    }

    @ParameterizedTest
    @ValueSource(strings = {"12.50", "true", "[1, 2]", "{}", "\n 7 "})
    void anyOtherPayloadIsItsJson(String json) {
        assertThat(text(event("{\"payload\":" + json + "}").payload())).isEqualTo(json.strip());
    }

    @Test
    void whatIsNotThereIsNull() {
        OutboxEvent event = event("{\"payload\": null, \"id\": null, \"type\": [\"no text\"]}");

        assertNothing(event);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "no json",
                "[]",
                "\"text\"",
                "{\"id\": \"1\"",
                "{\"id\": \"1\"} {}",
                "{\"id\": \"1\", \"payload\": {\"a\": }}",
                "\u0000"
            })
    void ofWhatIsNoEnvelopeThereIsAnEventWithoutAnything(String content) {
        assertNothing(event(content));
    }

    private static void assertNothing(OutboxEvent event) {
        assertThat(event.id()).isNull();
        assertThat(event.aggregateType()).isNull();
        assertThat(event.aggregateId()).isNull();
        assertThat(event.type()).isNull();
        assertThat(event.payload()).isNull();
        assertThat(event.headers()).isNull();
        assertThat(event.name()).isEqualTo("0/1234#5");
    }

    /** In the middle of other bytes, as in a message. */
    private static OutboxEvent event(String content) {
        byte[] bytes = ("before" + content + "}behind").getBytes(StandardCharsets.UTF_8);
        int length = content.getBytes(StandardCharsets.UTF_8).length;
        return MessageEnvelope.event(bytes, 6, length, TIME, POSITION);
    }

    private static String text(byte[] bytes) {
        return new String(bytes, StandardCharsets.UTF_8);
    }
}
