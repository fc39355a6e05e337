package io.outboxrelay.relay.tracing;

import java.util.Collection;
import java.util.function.Supplier;

import io.opentelemetry.sdk.common.CompletableResultCode;
import io.opentelemetry.sdk.trace.data.SpanData;
import io.opentelemetry.sdk.trace.export.SpanExporter;
import io.outboxrelay.api.Code;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Exports, and says when that begins to fail and when it works again: one line for each. */
final class ToldExporter implements SpanExporter {

    private static final Logger log = LoggerFactory.getLogger(ToldExporter.class);

    private final SpanExporter exporter;
    private final String endpoint;
    private final Supplier<String> why;
    private long lost;
    private boolean failing;

    /** @param why what the last failure was, in one line */
    ToldExporter(SpanExporter exporter, String endpoint, Supplier<String> why) {
        this.exporter = exporter;
        this.endpoint = endpoint;
        this.why = why;
    }

    @Override
    public CompletableResultCode export(Collection<SpanData> spans) {
        int count = spans.size(); // The batch is used again once it is exported.
        CompletableResultCode result = exporter.export(spans);
        return result.whenComplete(() -> tell(count, result));
    }

    @Override
    public CompletableResultCode flush() {
        return exporter.flush();
    }

    @Override
    public CompletableResultCode shutdown() {
        return exporter.shutdown();
    }

    private synchronized void tell(int count, CompletableResultCode result) {
        if (result.isSuccess()) {
            if (failing) {
                log.info("Spans are exported to {} again; {} were lost", endpoint, lost);
            }
            failing = false;
            lost = 0;
        } else {
            lost += count;
            if (!failing) {
                log.warn(
                        "{} Spans cannot be exported to {}: {}. Events flow on; these spans are lost",
                        Code.SPANS_NOT_EXPORTED,
                        endpoint,
                        why.get());
            }
            failing = true;
        }
    }
}
