package io.outboxrelay.relay.delivery;

import java.time.Instant;
import java.util.Map;

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
                new Router("{aggregateType}.{type}.v1", "{headers.tenant}/{aggregateId}", Map.of("at", "{occurredAt}"));

        Message message = router.route(event("{\"tenant\": \"t1\"}"));

        assertThat(message.destination()).isEqualTo("order.placed.v1");
        assertThat(message.key()).isEqualTo("t1/42");
        assertThat(message.headers())
                .containsEntry("at", "2026-01-02T12:00:00Z")
                .containsEntry("tenant", "t1");
        assertThat(message.timestamp()).isEqualTo(NOON);
    }

    @Test
    void aHeaderOfTheRowDoesNotReplaceOneThatATemplateMakes() throws Exception {
        Router router = new Router("t", "k", Map.of("id", "{id}"));

        assertThat(router.route(event("{\"id\": \"forged\"}")).headers()).containsOnly(Map.entry("id", "e1"));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
                    {"a": "text"}             | text
                    {"a": 1.50}               | 1.50
                    {"a": true}               | true
                    {"a": {"b": [1, "x"]}}    | {"b":[1,"x"]}
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
        Router router = new Router("t", "{headers.tenant}", Map.of());

        assertThatExceptionOfType(RejectedException.class)
                .isThrownBy(() -> router.route(event("{}")))
                .withMessage("the template \"{headers.tenant}\" names {headers.tenant}, which this row lacks");
    }

    @Test
    void aNullPayloadBecomesAnEmptyOne() throws Exception {
        OutboxEvent event = new OutboxEvent("e1", "order", "42", "placed", null, null, NOON, null);

        assertThat(plain().route(event).payload()).isEmpty();
    }

    @Test
    void aTemplateWithAnUnknownFieldIsRefused() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new Router("events.{agregateType}", "k", Map.of()))
                .withMessageContaining("{agregateType}")
                .withMessageContaining("{aggregateType}");
    }

    @Test
    void aTemplateWithABraceThatIsNotClosedIsRefused() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new Router("events.{type", "k", Map.of()))
                .withMessageContaining("not closed");
    }

    private static Router plain() {
        return new Router("t", "k", Map.of());
    }

    private static OutboxEvent event(String headers) {
        return new OutboxEvent("e1", "order", "42", "placed", "{}".getBytes(UTF_8), headers, NOON, null);
    }
}
