package io.outboxrelay.relay.process;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

import io.opentelemetry.proto.trace.v1.Span;
import io.outboxrelay.relay.tracing.OtlpReceiver;
import io.outboxrelay.testkit.FreePorts;
import io.outboxrelay.testkit.KafkaServer;
import io.outboxrelay.testkit.PostgresServer;
import io.outboxrelay.testkit.RelayProcess;
import io.outboxrelay.testkit.StoredRecord;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import static org.assertj.core.api.Assertions.assertThat;

/** Tracing of the distribution, from the row to the collector and the message. */
class TracingIT {

    private static final String TRACE = "0af7651916cd43dd8448eb211c80319c";
    private static final String PARENT = "b7ad6b7169203331";

    @Test
    void theSpanIsTheRowsChildAndTheMessagesParent() throws Exception {
        try (OtlpReceiver receiver = OtlpReceiver.start();
                Deployment deployment = Deployment.create(PostgresServer.shared(), KafkaServer.shared())) {
            deployment.configure("tracing.otlp-endpoint = \"" + receiver.endpoint() + "\"\n");
            RelayProcess relay = deployment.startRelay();
            insertTraced(deployment, "k");
            StoredRecord message = deployment.read(1).get(0);
            relay.terminate();
            assertThat(relay.awaitExit(Deployment.PATIENCE)).isZero();

            assertThat(receiver.spans()).hasSize(1);
            Span span = receiver.spans().get(0);
            assertThat(OtlpReceiver.hex(span.getTraceId())).isEqualTo(TRACE);
            assertThat(OtlpReceiver.hex(span.getParentSpanId())).isEqualTo(PARENT);
            assertThat(span.getName()).isEqualTo("send " + deployment.topic());
            assertThat(span.getKind()).isEqualTo(Span.SpanKind.SPAN_KIND_PRODUCER);
            assertThat(OtlpReceiver.texts(span.getAttributesList()))
                    .containsEntry("messaging.message.id", message.headers().get("id"))
                    .containsEntry("outbox_relay.occurred_at", message.headers().get("occurred-at"));
            assertThat(message.headers())
                    .containsEntry("traceparent", "00-" + TRACE + "-" + OtlpReceiver.hex(span.getSpanId()) + "-01")
                    .containsEntry("tracestate", "vendor=a");
            assertThat(receiver.resource())
                    .containsEntry("service.name", "outbox-relay")
                    .containsKey("service.version");
        }
    }

    @Test
    void withoutACollectorEventsFlowAndTheStopIsInGoodOrder() throws Exception {
        try (Deployment deployment = Deployment.create(PostgresServer.shared(), KafkaServer.shared())) {
            deployment.configure("tracing.otlp-endpoint = \"http://localhost:" + FreePorts.next() + "\"\n");
            RelayProcess relay = deployment.startRelay();
            for (int i = 0; i < 10; i++) {
                insertTraced(deployment, "k" + i);
            }
            assertThat(deployment.read(10))
                    .allMatch(message -> message.headers().get("traceparent").contains(TRACE));
            relay.awaitLine("OR-7101", Deployment.PATIENCE);
            relay.terminate();

            assertThat(relay.awaitExit(Deployment.PATIENCE)).isZero();
            assertThat(relay.output().stream().filter(line -> line.contains("OR-71")))
                    .hasSize(1);
        }
    }

    @Test
    void withoutAnEndpointTheHeaderPassesAsItIsAndNoClassOfOpenTelemetryIsLoaded(@TempDir Path folder)
            throws Exception {
        Path classes = folder.resolve("classes");
        try (Deployment deployment = Deployment.create(PostgresServer.shared(), KafkaServer.shared())) {
            RelayProcess relay = deployment.startRelay(Map.of("JAVA_OPTS", "-Xlog:class+load:file=" + classes));
            insertTraced(deployment, "k");
            StoredRecord message = deployment.read(1).get(0);
            relay.terminate();
            assertThat(relay.awaitExit(Deployment.PATIENCE)).isZero();

            assertThat(message.headers())
                    .containsEntry("traceparent", "00-" + TRACE + "-" + PARENT + "-01")
                    .containsEntry("tracestate", "vendor=a");
            List<String> loaded = Files.readAllLines(classes);
            assertThat(loaded.stream().filter(line -> line.contains(" io.outboxrelay.relay.delivery.EventSpan ")))
                    .hasSize(1);
            assertThat(loaded.stream().filter(line -> line.contains(" io.opentelemetry.")))
                    .isEmpty();
        }
    }

    private static void insertTraced(Deployment deployment, String aggregateId) throws Exception {
        deployment
                .database()
                .execute("INSERT INTO outbox (aggregate_type, aggregate_id, type, payload, headers) VALUES ('order', '"
                        + aggregateId + "', 'placed', '{}', '{\"traceparent\": \"00-" + TRACE + "-" + PARENT
                        + "-01\", \"tracestate\": \"vendor=a\"}')");
    }
}
