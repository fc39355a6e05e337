package io.outboxrelay.relay.tracing;

import java.util.LinkedHashMap;
import java.util.Map;

import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.api.common.Attributes;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.StatusCode;
import io.opentelemetry.api.trace.propagation.W3CTraceContextPropagator;
import io.opentelemetry.context.Context;
import io.outboxrelay.api.Message;
import io.outboxrelay.api.RejectedException;
import io.outboxrelay.relay.delivery.EventSpan;

/** The span of one event as OpenTelemetry has it. */
final class OtlpSpan implements EventSpan {

    static final AttributeKey<String> ERROR_TYPE = AttributeKey.stringKey("error.type");
    static final AttributeKey<Long> ATTEMPTS = AttributeKey.longKey("outbox_relay.attempts");
    static final String FAILED = "outbox_relay.broker_failed";
    static final String PUT_ASIDE = "parked";

    private final Span span;

    /** Grows where messages are sent, one send after the answer to another. */
    private long attempts;

    OtlpSpan(Span span) {
        this.span = span;
    }

    /** A {@code tracestate} that does not belong to the span's trace goes: who sees it would take it for this trace's. */
    @Override
    public Message carriedBy(Message message) {
        Map<String, String> headers = new LinkedHashMap<>(message.headers());
        headers.remove("tracestate");
        W3CTraceContextPropagator.getInstance().inject(Context.root().with(span), headers, Map::put);
        return new Message(message.destination(), message.key(), message.payload(), headers, message.timestamp());
    }

    @Override
    public void sent() {
        attempts++;
    }

    @Override
    public void failed(Throwable cause) {
        span.addEvent(FAILED, Attributes.of(ERROR_TYPE, cause.getClass().getName()));
    }

    @Override
    public void stored() {
        end();
    }

    @Override
    public void rejected(RejectedException reason) {
        span.setStatus(StatusCode.ERROR, reason.getMessage());
        span.setAttribute(ERROR_TYPE, EventSpans.errorType(reason));
        end();
    }

    @Override
    public void putAside() {
        span.setStatus(StatusCode.ERROR, "put aside behind a rejected event of its aggregate");
        span.setAttribute(ERROR_TYPE, PUT_ASIDE);
        end();
    }

    private void end() {
        span.setAttribute(ATTEMPTS, attempts);
        span.end();
    }
}
