package io.outboxrelay.relay.tracing;

import java.net.URI;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;

import io.opentelemetry.sdk.testing.exporter.InMemorySpanExporter;
import io.opentelemetry.sdk.trace.data.SpanData;
import io.opentelemetry.sdk.trace.export.SimpleSpanProcessor;
import io.outboxrelay.api.Message;
import io.outboxrelay.api.OutboxEvent;
import io.outboxrelay.relay.config.TracingSettings;
import io.outboxrelay.relay.delivery.EventSpan;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import static org.assertj.core.api.Assertions.assertThat;

/** Whose child a span is, whether it is recorded, and what the message's headers become. */
class EventSpansTest {

    private static final String TRACE = "0af7651916cd43dd8448eb211c80319c";
    private static final String PARENT = "b7ad6b7169203331";

    /** The flags' lowest bit; the next says that the trace's id is random. */
    private static final String RECORDED = "0[13]";

    private static final byte[] PAYLOAD = {1};

    private final InMemorySpanExporter exported = InMemorySpanExporter.create();

    @Test
    void tracestatePassesThroughWithAValidParent() {
        Map<String, String> headers =
                send(1, Map.of("traceparent", traceparent("01"), "tracestate", "vendor=a,other=b", "id", "e1"));

        assertThat(headers)
                .containsEntry("tracestate", "vendor=a,other=b")
                .containsEntry("traceparent", "00-" + TRACE + "-" + onlySpan().getSpanId() + "-01")
                .containsEntry("id", "e1");
        assertThat(onlySpan().getParentSpanId()).isEqualTo(PARENT);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "nonsense",
                "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
                "00-00000000000000000000000000000000-b7ad6b7169203331-01",
                "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
                "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01-é"
            })
    void anInvalidParentBeginsATraceAndItsTracestateGoes(String invalid) {
        Map<String, String> headers = send(1, Map.of("traceparent", invalid, "tracestate", "vendor=a"));

        assertThat(onlySpan().getParentSpanContext().isValid()).isFalse();
        assertThat(onlySpan().getTraceId()).isNotEqualTo(TRACE);
        assertThat(headers).doesNotContainKey("tracestate");
        assertThat(headers.get("traceparent"))
                .matches("00-" + onlySpan().getTraceId() + "-" + onlySpan().getSpanId() + "-" + RECORDED);
    }

    @Test
    void whatTheServiceDoesNotRecordIsNotRecordedWhateverTheRatio() {
        Map<String, String> headers = send(1, Map.of("traceparent", traceparent("00")));

        assertThat(exported.getFinishedSpanItems()).isEmpty();
        assertThat(headers.get("traceparent")).startsWith("00-" + TRACE + "-").endsWith("-00");
    }

    @Test
    void whatTheServiceRecordsIsRecordedWhateverTheRatio() {
        send(0, Map.of("traceparent", traceparent("01")));

        assertThat(onlySpan().getTraceId()).isEqualTo(TRACE);
    }

    @Test
    void theRatioDecidesAboutRowsWithoutAParent() {
        assertThat(send(0, Map.of()).get("traceparent")).doesNotMatch(".*" + RECORDED);
        assertThat(exported.getFinishedSpanItems()).isEmpty();

        assertThat(send(1, Map.of()).get("traceparent")).matches(".*" + RECORDED);
        assertThat(exported.getFinishedSpanItems()).hasSize(1);
    }

    @Test
    void nothingOfTheMessageChangesButTheHeaders() {
        Message message = new Message("events", "key", PAYLOAD, Map.of("id", "e1"), Instant.EPOCH);
        Message carried = spans(1).begin(event(), message).carriedBy(message);

        assertThat(carried).usingRecursiveComparison().ignoringFields("headers").isEqualTo(message);
        assertThat(carried.headers()).containsOnlyKeys("id", "traceparent");
    }

    @Test
    void whatIsPutAsideAfterItWasSentSaysSo() {
        EventSpan span = spans(1).begin(event(), message(Map.of()));
        span.sent();
        span.failed(new IllegalStateException("secret"));
        span.putAside();

        assertThat(onlySpan().getAttributes().get(OtlpSpan.ERROR_TYPE)).isEqualTo("parked");
        assertThat(onlySpan().toString()).doesNotContain("secret");
    }

    @Test
    void theResourceNamesTheServiceAndWhatElseIsConfigured() {
        send(1, Map.of());

        assertThat(onlySpan().getResource().getAttributes().asMap().entrySet())
                .extracting(attribute -> attribute.getKey().getKey() + "=" + attribute.getValue())
                .contains("service.name=shop-relay", "deployment.environment.name=test");
    }

    private Map<String, String> send(double ratio, Map<String, String> headers) {
        EventSpan span = spans(ratio).begin(event(), message(headers));
        Map<String, String> carried = span.carriedBy(message(headers)).headers();
        span.sent();
        span.stored();
        return carried;
    }

    /** Of a provider that stays open, as closing it would empty the exporter. */
    private EventSpans spans(double ratio) {
        TracingSettings settings = settings(ratio);
        return OtlpTracing.spans(OtlpTracing.provider(settings, SimpleSpanProcessor.create(exported)), settings);
    }

    private SpanData onlySpan() {
        assertThat(exported.getFinishedSpanItems()).hasSize(1);
        return exported.getFinishedSpanItems().get(0);
    }

    private static TracingSettings settings(double ratio) {
        return new TracingSettings(
                URI.create("http://localhost/v1/traces"),
                Map.of(),
                Optional.empty(),
                "shop-relay",
                Map.of("deployment.environment.name", "test"),
                "kafka",
                ratio,
                TracingSettings.BATCH,
                Duration.ofSeconds(1),
                Duration.ofSeconds(1),
                Duration.ofSeconds(1));
    }

    private static String traceparent(String flags) {
        return "00-" + TRACE + "-" + PARENT + "-" + flags;
    }

    private static Message message(Map<String, String> headers) {
        return new Message("events", "key", PAYLOAD, headers, Instant.EPOCH);
    }

    private static OutboxEvent event() {
        return new OutboxEvent("e1", "order", "o1", "placed", PAYLOAD, "{}", Instant.EPOCH, null);
    }
}
