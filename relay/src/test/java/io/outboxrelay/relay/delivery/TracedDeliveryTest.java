package io.outboxrelay.relay.delivery;

import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;

import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.api.trace.StatusCode;
import io.opentelemetry.sdk.testing.exporter.InMemorySpanExporter;
import io.opentelemetry.sdk.trace.SdkTracerProvider;
import io.opentelemetry.sdk.trace.data.EventData;
import io.opentelemetry.sdk.trace.data.SpanData;
import io.opentelemetry.sdk.trace.export.SimpleSpanProcessor;
import io.outboxrelay.api.OutboxEvent;
import io.outboxrelay.api.Position;
import io.outboxrelay.api.RejectedException;
import io.outboxrelay.relay.tracing.EventSpans;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.entry;
import static org.awaitility.Awaitility.await;

/** The spans of events on their way through delivery. */
class TracedDeliveryTest {

    private static final String TRACE = "0af7651916cd43dd8448eb211c80319c";
    private static final String PARENT = "b7ad6b7169203331";
    private static final String TRACED = "{\"traceparent\": \"00-" + TRACE + "-" + PARENT + "-01\"}";

    private final InMemorySpanExporter exported = InMemorySpanExporter.create();
    private final SdkTracerProvider provider = SdkTracerProvider.builder()
            .addSpanProcessor(SimpleSpanProcessor.create(exported))
            .build();
    private final ScriptedBroker broker = new ScriptedBroker();
    private final ScheduledExecutorService clock = Executors.newSingleThreadScheduledExecutor();
    private Delivery delivery = delivery(Rejections.Policy.HALT);

    @AfterEach
    void close() {
        delivery.close();
        clock.shutdownNow();
        provider.close();
    }

    @Test
    void aStoredEventHasASpanThatItsMessageNames() throws Exception {
        deliver(event("a1", TRACED));
        assertThat(spans()).as("before the broker has answered").isEmpty();
        broker.answerAll();

        SpanData span = onlySpan();
        assertThat(span.getName()).isEqualTo("send events.order");
        assertThat(span.getKind()).isEqualTo(SpanKind.PRODUCER);
        assertThat(span.getTraceId()).isEqualTo(TRACE);
        assertThat(span.getParentSpanId()).isEqualTo(PARENT);
        assertThat(span.getStatus().getStatusCode()).isEqualTo(StatusCode.UNSET);
        assertThat(attributes(span))
                .containsOnly(
                        entry("messaging.system", "kafka"),
                        entry("messaging.operation.type", "send"),
                        entry("messaging.operation.name", "send"),
                        entry("messaging.destination.name", "events.order"),
                        entry("messaging.message.id", "a1"),
                        entry("outbox_relay.aggregate_type", "order"),
                        entry("outbox_relay.event_type", "placed"),
                        entry("outbox_relay.occurred_at", "1970-01-01T00:00:00Z"),
                        entry("outbox_relay.attempts", 1L));
        assertThat(traceparent("a1")).isEqualTo("00-" + TRACE + "-" + span.getSpanId() + "-01");
    }

    @Test
    void whateverOftenTheBrokerFailsItIsOneSpan() throws Exception {
        deliver(event("a1", TRACED));
        broker.failWith(new IllegalStateException("connection lost"));
        awaitWaiting(1);
        broker.answerAll();

        SpanData span = onlySpan();
        assertThat(attributes(span)).containsEntry("outbox_relay.attempts", 2L);
        assertThat(span.getStatus().getStatusCode()).isEqualTo(StatusCode.UNSET);
        assertThat(span.getEvents()).singleElement().satisfies(event -> {
            assertThat(event.getName()).isEqualTo("outbox_relay.broker_failed");
            assertThat(errorType(event)).isEqualTo("java.lang.IllegalStateException");
        });
        assertThat(traceparent("a1")).contains(span.getSpanId());
    }

    @Test
    void aRejectedEventEndsItsSpanWithAnErrorAndEachRetryHasAnother() throws Exception {
        broker.refusedBeforeSending.add("a1");
        deliver(event("a1", TRACED));
        SpanData rejected = onlySpan();
        broker.refusedBeforeSending.clear();
        delivery.retry("a1");
        broker.answerAll();

        assertThat(rejected.getStatus().getStatusCode()).isEqualTo(StatusCode.ERROR);
        assertThat(attributes(rejected)).containsEntry("error.type", "too_large");
        assertThat(spans()).hasSize(2).extracting(SpanData::getTraceId).containsOnly(TRACE);
        assertThat(traceparent("a1")).contains(spans().get(1).getSpanId());
    }

    @Test
    void whatWasSentAndThenWaitsBehindAHaltedEventKeepsItsSpan() throws Exception {
        broker.refusedByTheServer.add("a1");
        deliver(event("a1", TRACED), event("a2", TRACED));
        broker.answerAll();
        await("the first event is halted, and the second waits behind it")
                .atMost(Duration.ofSeconds(10))
                .until(() -> delivery.halted().stream().anyMatch(halted -> halted.waiting() == 1));
        broker.refusedByTheServer.clear();
        delivery.retry("a1");
        broker.answerAll();

        assertThat(spans())
                .extracting(span -> attributes(span).get("messaging.message.id"))
                .containsExactly("a1", "a1", "a2");
        assertThat(attributes(spans().get(2))).containsEntry("outbox_relay.attempts", 2L);
        assertThat(traceparent("a2")).contains(spans().get(2).getSpanId());
    }

    @Test
    void aDeadLetterInATopicHasTheRowsHeadersAsTextAndNoSpan() throws Exception {
        delivery.close();
        delivery = delivery(Rejections.Policy.TOPIC);
        broker.refusedBeforeSending.add("a1");
        deliver(event("a1", TRACED));
        broker.answerAll();

        assertThat(broker.stored).containsExactly("dead/a1");
        assertThat(attributes(onlySpan())).containsEntry("error.type", "too_large");
        assertThat(broker.messages.get("a1").headers())
                .containsEntry("dead-letter-headers", TRACED)
                .doesNotContainKey("traceparent");
    }

    @Test
    void aRowThatCanBeNoMessageHasASpanOfItsTraceWithoutADestination() throws Exception {
        deliver(new OutboxEvent("a1", "order", null, "placed", null, TRACED, Instant.EPOCH, new TestPosition()));

        SpanData span = onlySpan();
        assertThat(span.getName()).isEqualTo("send");
        assertThat(span.getParentSpanId()).isEqualTo(PARENT);
        assertThat(attributes(span))
                .containsEntry("error.type", "unfit_row")
                .doesNotContainKey("messaging.destination.name");
    }

    @Test
    void headersThatCannotBeReadAreNoReasonForNoSpan() throws Exception {
        deliver(event("a1", "no headers"));

        assertThat(attributes(onlySpan())).containsEntry("error.type", "unfit_row");
        assertThat(delivery.halted()).hasSize(1);
    }

    @Test
    void whatIsRedrivenHasASpanEachTime() throws Exception {
        broker.refusedBeforeSending.add("a1");
        CompletableFuture<Void> refused = delivery.redrive(event("a1", TRACED)).toCompletableFuture();
        broker.refusedBeforeSending.clear();
        delivery.redrive(event("a1", TRACED));
        broker.answerAll();

        assertThatThrownBy(refused::join)
                .isInstanceOf(CompletionException.class)
                .hasCauseInstanceOf(RejectedException.class);
        assertThat(spans())
                .extracting(span -> span.getStatus().getStatusCode())
                .containsExactly(StatusCode.ERROR, StatusCode.UNSET);
    }

    private Delivery delivery(Rejections.Policy policy) {
        Delivery opened = new Delivery(
                new Router("events.{aggregateType}", "{aggregateId}", Map.of("id", "{id}"), NullPayload.EMPTY),
                new EventSpans(provider.get("test"), "kafka"),
                new Rejections(policy, "dead", Optional.empty(), Set.of(), kind -> {}),
                Optional.empty(),
                broker::open,
                new Limits(1000, 1_000_000),
                RateLimit.NONE,
                new BrokerRetry(attempt -> 1L, 100, System::nanoTime),
                clock,
                () -> {});
        opened.streaming();
        return opened;
    }

    private void deliver(OutboxEvent... events) throws InterruptedException {
        assertThat(delivery.deliver(Arrays.asList(events), event -> {}).toCompletableFuture())
                .as("the batch waits")
                .isNotDone();
    }

    private void awaitWaiting(int messages) {
        await("a new broker has been given " + messages + " messages")
                .atMost(Duration.ofSeconds(10))
                .until(() -> broker.waiting() == messages);
    }

    private String traceparent(String id) {
        return broker.messages.get(id).headers().get("traceparent");
    }

    private List<SpanData> spans() {
        return exported.getFinishedSpanItems();
    }

    private SpanData onlySpan() {
        assertThat(spans()).hasSize(1);
        return spans().get(0);
    }

    private static Map<String, Object> attributes(SpanData span) {
        Map<String, Object> attributes = new HashMap<>();
        span.getAttributes().forEach((key, value) -> attributes.put(key.getKey(), value));
        return attributes;
    }

    private static String errorType(EventData event) {
        return event.getAttributes().get(AttributeKey.stringKey("error.type"));
    }

    private static OutboxEvent event(String id, String headers) {
        return new OutboxEvent(
                id, "order", "a", "placed", "payload".getBytes(UTF_8), headers, Instant.EPOCH, new TestPosition());
    }

    private record TestPosition() implements Position {
        @Override
        public int compareTo(Position other) {
            return 0;
        }
    }
}
