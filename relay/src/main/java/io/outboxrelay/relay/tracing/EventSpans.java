package io.outboxrelay.relay.tracing;

import java.util.Locale;
import java.util.Map;

import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.api.trace.SpanBuilder;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.api.trace.Tracer;
import io.opentelemetry.api.trace.propagation.W3CTraceContextPropagator;
import io.opentelemetry.context.Context;
import io.opentelemetry.context.propagation.TextMapGetter;
import io.outboxrelay.api.Message;
import io.outboxrelay.api.OutboxEvent;
import io.outboxrelay.api.RejectedException;
import io.outboxrelay.relay.delivery.EventSpan;
import io.outboxrelay.relay.delivery.Tracing;

/**
 * One span of kind PRODUCER for each event, the child of what the row's {@code traceparent} names. Where that is missing or
 * invalid the span begins a trace. Named and described by
 * <a href="https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/">the conventions for messaging</a>; holds
 * no key, no aggregate id and no payload.
 */
public final class EventSpans implements Tracing {

    static final AttributeKey<String> SYSTEM = AttributeKey.stringKey("messaging.system");
    static final AttributeKey<String> OPERATION_TYPE = AttributeKey.stringKey("messaging.operation.type");
    static final AttributeKey<String> OPERATION_NAME = AttributeKey.stringKey("messaging.operation.name");
    static final AttributeKey<String> DESTINATION = AttributeKey.stringKey("messaging.destination.name");
    static final AttributeKey<String> MESSAGE_ID = AttributeKey.stringKey("messaging.message.id");
    static final AttributeKey<String> AGGREGATE_TYPE = AttributeKey.stringKey("outbox_relay.aggregate_type");
    static final AttributeKey<String> EVENT_TYPE = AttributeKey.stringKey("outbox_relay.event_type");
    static final AttributeKey<String> OCCURRED_AT = AttributeKey.stringKey("outbox_relay.occurred_at");

    private static final String SEND = "send";

    /** Names are told apart by case, as Kafka does, and those of the standard are in lower case. */
    private static final TextMapGetter<Map<String, String>> HEADERS = Map::get;

    private final Tracer tracer;
    private final String system;

    /** @param system what the broker is, in the conventions' words */
    public EventSpans(Tracer tracer, String system) {
        this.tracer = tracer;
        this.system = system;
    }

    @Override
    public EventSpan begin(OutboxEvent event, Message message) {
        return new OtlpSpan(span(SEND + " " + message.destination(), event, message.headers())
                .setAttribute(DESTINATION, message.destination())
                .startSpan());
    }

    @Override
    public void unfit(OutboxEvent event, Map<String, String> headers, RejectedException reason) {
        new OtlpSpan(span(SEND, event, headers).startSpan()).rejected(reason);
    }

    private SpanBuilder span(String name, OutboxEvent event, Map<String, String> headers) {
        Context parent = W3CTraceContextPropagator.getInstance().extract(Context.root(), headers, HEADERS);
        SpanBuilder span = tracer.spanBuilder(name)
                .setParent(parent)
                .setSpanKind(SpanKind.PRODUCER)
                .setAttribute(SYSTEM, system)
                .setAttribute(OPERATION_TYPE, SEND)
                .setAttribute(OPERATION_NAME, SEND)
                .setAttribute(MESSAGE_ID, event.id())
                .setAttribute(AGGREGATE_TYPE, event.aggregateType())
                .setAttribute(EVENT_TYPE, event.type());
        return event.occurredAt() == null
                ? span
                : span.setAttribute(OCCURRED_AT, event.occurredAt().toString());
    }

    /** {@code error.type} of a rejection. */
    static String errorType(RejectedException reason) {
        return reason.kind().name().toLowerCase(Locale.ROOT);
    }
}
