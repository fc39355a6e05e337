package io.outboxrelay.relay.tracing;

import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.TimeUnit;

import io.opentelemetry.api.common.Attributes;
import io.opentelemetry.api.common.AttributesBuilder;
import io.opentelemetry.api.metrics.MeterProvider;
import io.opentelemetry.exporter.otlp.http.trace.OtlpHttpSpanExporter;
import io.opentelemetry.exporter.otlp.http.trace.OtlpHttpSpanExporterBuilder;
import io.opentelemetry.sdk.resources.Resource;
import io.opentelemetry.sdk.trace.SdkTracerProvider;
import io.opentelemetry.sdk.trace.SpanProcessor;
import io.opentelemetry.sdk.trace.export.BatchSpanProcessor;
import io.opentelemetry.sdk.trace.samplers.Sampler;
import io.outboxrelay.relay.config.TracingSettings;
import io.outboxrelay.relay.ops.Version;

/**
 * Spans of events, and their export by OTLP over HTTP on threads of its own. What the collector does not take in time is
 * dropped: nobody ever waits for it. Registers nothing globally.
 */
public final class OtlpTracing implements AutoCloseable {

    private static final long SCHEDULE_MILLIS = 1_000;

    private final SdkTracerProvider provider;
    private final SdkMessages messages;
    private final EventSpans spans;
    private final long flushMillis;

    private OtlpTracing(SdkTracerProvider provider, SdkMessages messages, TracingSettings settings) {
        this.provider = provider;
        this.messages = messages;
        this.spans = spans(provider, settings);
        this.flushMillis = settings.flushTimeout().toMillis();
    }

    /** Begins. Connects to nothing before the first span ends. */
    public static OtlpTracing open(TracingSettings settings) {
        SdkMessages messages = SdkMessages.toLog();
        OtlpHttpSpanExporterBuilder exporter = OtlpHttpSpanExporter.builder()
                .setEndpoint(settings.endpoint().toString())
                .setConnectTimeout(settings.connectTimeout())
                .setTimeout(settings.exportTimeout())
                .setMeterProvider(MeterProvider.noop());
        settings.headers().forEach(exporter::addHeader);
        settings.trustedCertificates()
                .ifPresent(pem -> exporter.setTrustedCertificates(pem.getBytes(StandardCharsets.ISO_8859_1)));
        SpanProcessor queue = BatchSpanProcessor.builder(
                        new ToldExporter(exporter.build(), settings.endpoint().toString(), messages::exportFailure))
                .setMaxQueueSize(settings.maxQueuedSpans())
                .setMaxExportBatchSize(TracingSettings.BATCH)
                .setScheduleDelay(SCHEDULE_MILLIS, TimeUnit.MILLISECONDS)
                .setExporterTimeout(settings.exportTimeout())
                .build();
        return new OtlpTracing(provider(settings, queue), messages, settings);
    }

    /** What records the spans. */
    public EventSpans spans() {
        return spans;
    }

    /** Exports what has ended, as far as that goes within {@code tracing.timeouts.flush}. */
    @Override
    public void close() {
        provider.shutdown().join(flushMillis, TimeUnit.MILLISECONDS);
        messages.close();
    }

    static SdkTracerProvider provider(TracingSettings settings, SpanProcessor processor) {
        return SdkTracerProvider.builder()
                .setResource(Resource.getDefault().merge(Resource.create(resource(settings))))
                .setSampler(Sampler.parentBased(Sampler.traceIdRatioBased(settings.samplingRatio())))
                .addSpanProcessor(processor)
                .build();
    }

    static EventSpans spans(SdkTracerProvider provider, TracingSettings settings) {
        return new EventSpans(
                provider.tracerBuilder("io.outboxrelay")
                        .setInstrumentationVersion(Version.number().orElse("unknown"))
                        .build(),
                settings.messagingSystem().toLowerCase(Locale.ROOT));
    }

    private static Attributes resource(TracingSettings settings) {
        AttributesBuilder attributes = Attributes.builder();
        for (Map.Entry<String, String> given : settings.resource().entrySet()) {
            attributes.put(given.getKey(), given.getValue());
        }
        Version.number().ifPresent(number -> attributes.put("service.version", number));
        return attributes.put("service.name", settings.serviceName()).build();
    }
}
