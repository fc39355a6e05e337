package io.outboxrelay.relay.delivery;

import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

import io.outboxrelay.api.Message;
import io.outboxrelay.api.OutboxEvent;
import io.outboxrelay.api.RejectedException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

class RouterTest {

    private static final Instant NOON = Instant.parse("2026-01-02T12:00:00Z");

    @Test
    void theTemplatesMakeTopicKeyAndHeaders() throws Exception {
        Router router =
                router("{aggregateType}.{type}.v1", "{headers.tenant}/{aggregateId}", Map.of("at", "{occurredAt}"));

        Message message = router.route(event("{\"tenant\": \"t1\"}"));

        assertThat(message.destination()).isEqualTo("order.placed.v1");
        assertThat(message.key()).isEqualTo("t1/42");
        assertThat(message.headers())
                .containsEntry("at", "2026-01-02T12:00:00Z")
                .containsEntry("tenant", "t1");
        assertThat(message.timestamp()).isEqualTo(NOON);
    }

    @Test
    void eachMessageTellsWhenItsOwnEventOccurred() throws Exception {
        Router router = router("t", "k", Map.of("at", "{occurredAt}"));
        Instant later = NOON.plusNanos(1_000);

        for (Instant at : List.of(NOON, NOON, later, NOON)) {
            assertThat(router.route(event("{}", at)).headers()).containsEntry("at", at.toString());
        }
    }

    @Test
    void aHeaderOfTheRowDoesNotReplaceOneThatATemplateMakes() throws Exception {
        Router router = router("t", "k", Map.of("id", "{id}"));

        assertThat(router.route(event("{\"id\": \"forged\"}")).headers()).containsOnly(Map.entry("id", "e1"));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
                    {"a": "text"}             | text
                    {"a": 1.50}               | 1.50
                    {"a": true}               | true
                    {"a": {"b": [1, "x"]}}    | {"b":[1,"x"]}
                    {"a": [1.50, 12345678901234567890.123456789]} | [1.50,12345678901234567890.123456789]
                    {"a": "1", "a": "2"}      | 2
                    {"a": "\ud83d\ude80"}   | 🚀
                    {"a": "größe 漢字 🚀"}     | größe 漢字 🚀
                    """)
    void everyKindOfHeaderValueHasOneForm(String headers, String value) throws Exception {
        assertThat(plain().route(event(headers)).headers()).containsEntry("a", value);
    }

    @Test
    void aHeaderThatIsNullIsLeftOut() throws Exception {
        assertThat(plain().route(event("{\"a\": null}")).headers()).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(strings = {"[1]", "\"x\"", "1", "{\"a\": ", "{} {}", "no json"})
    void headersThatAreNoJsonObjectAreRejectedWithoutQuotingThem(String headers) {
        assertThatExceptionOfType(RejectedException.class)
                .isThrownBy(() -> plain().route(event(headers)))
                .withMessageStartingWith("the row's headers")
                .withNoCause();
    }

    @Test
    void anEventThatLacksWhatATemplateNamesIsRejected() {
        Router router = router("t", "{headers.tenant}", Map.of());

        assertThatExceptionOfType(RejectedException.class)
                .isThrownBy(() -> router.route(event("{}")))
                .withMessage("the template \"{headers.tenant}\" names {headers.tenant}, which this row lacks");
    }

    @ParameterizedTest
    @ValueSource(strings = {"{\"a\": \"\\ud800\"}", "{\"\\udc00\": \"a\"}"})
    void headersWithHalfACharacterAreRejected(String headers) {
        assertThatExceptionOfType(RejectedException.class)
                .isThrownBy(() -> plain().route(event(headers)))
                .withMessageStartingWith("the row's headers");
    }

    @Test
    void headersNestedWithoutEndAreRejectedAndOverflowNothing() {
        String deep = "{\"a\": " + "[".repeat(100_000) + "]".repeat(100_000) + "}";

        assertThatExceptionOfType(RejectedException.class)
                .isThrownBy(() -> plain().route(event(deep)))
                .withMessageStartingWith("the row's headers are no valid JSON");
    }

    @Test
    void tenThousandHeadersArePassedOnAsTheyAre() throws Exception {
        String headers = IntStream.range(0, 10_000)
                .mapToObj(n -> "\"h" + n + "\": \"" + n + "\"")
                .collect(Collectors.joining(", ", "{", "}"));

        assertThat(plain().route(event(headers)).headers())
                .hasSize(10_000)
                .containsEntry("h0", "0")
                .containsEntry("h9999", "9999");
    }

    @Test
    void aTypeThatNobodyKnowsIsATypeLikeAnyOther() throws Exception {
        OutboxEvent event = new OutboxEvent("e1", "order", "42", "never heard of \t{type}", null, null, NOON, null);

        assertThat(router("t", "k", Map.of("type", "{type}")).route(event).headers())
                .containsEntry("type", "never heard of \t{type}");
    }

    @Test
    void aKeyOf100KilobytesIsPassedOnAsItIs() throws Exception {
        String key = "k".repeat(100 << 10);
        OutboxEvent event = new OutboxEvent("e1", "order", key, "placed", null, null, NOON, null);

        assertThat(router("t", "{aggregateId}", Map.of()).route(event).key()).isEqualTo(key);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", " ", "\n\t "})
    void anEmptyPayloadOrOneOfWhitespaceIsPassedOnAsItIs(String payload) throws Exception {
        assertThat(plain().route(withPayload(payload.getBytes(UTF_8))).payload())
                .isEqualTo(payload.getBytes(UTF_8));
    }

    @Test
    void aNullPayloadBecomesAnEmptyOneOrATombstone() throws Exception {
        assertThat(new Router("t", "k", Map.of(), NullPayload.EMPTY)
                        .route(withPayload(null))
                        .payload())
                .isEmpty();
        assertThat(new Router("t", "k", Map.of(), NullPayload.TOMBSTONE)
                        .route(withPayload(null))
                        .payload())
                .isNull();
        assertThat(new Router("t", "k", Map.of(), NullPayload.TOMBSTONE)
                        .route(withPayload(new byte[0]))
                        .payload())
                .as("empty is not NULL")
                .isEmpty();
    }

    @Test
    void aTemplateWithAnUnknownFieldIsRefused() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> router("events.{agregateType}", "k", Map.of()))
                .withMessageContaining("{agregateType}")
                .withMessageContaining("{aggregateType}");
    }

    @Test
    void aTemplateWithABraceThatIsNotClosedIsRefused() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> router("events.{type", "k", Map.of()))
                .withMessageContaining("not closed");
    }

    private static Router plain() {
        return router("t", "k", Map.of());
    }

    private static Router router(String topic, String key, Map<String, String> headers) {
        return new Router(topic, key, headers, NullPayload.EMPTY);
    }

    private static OutboxEvent withPayload(byte[] payload) {
        return new OutboxEvent("e1", "order", "42", "placed", payload, null, NOON, null);
    }

    private static OutboxEvent event(String headers) {
        return event(headers, NOON);
    }

    private static OutboxEvent event(String headers, Instant occurredAt) {
        return new OutboxEvent("e1", "order", "42", "placed", "{}".getBytes(UTF_8), headers, occurredAt, null);
    }
}
