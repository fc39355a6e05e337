package io.outboxrelay.relay.delivery;

import java.util.LinkedHashMap;
import java.util.Map;

import io.outboxrelay.api.Message;
import io.outboxrelay.api.OutboxEvent;
import io.outboxrelay.api.RejectedException;

/**
 * The message that puts a rejected event aside: the payload's original bytes, the row's headers as the text that they
 * were, and why it was rejected.
 */
final class DeadLetters {

    private static final byte[] EMPTY = {};

    private final String topic;

    DeadLetters(String topic) {
        this.topic = topic;
    }

    Message of(OutboxEvent event, RejectedException reason) {
        Map<String, String> headers = new LinkedHashMap<>();
        put(headers, "id", event.id());
        put(headers, "type", event.type());
        put(headers, "aggregate-type", event.aggregateType());
        put(headers, "aggregate-id", event.aggregateId());
        put(headers, "occurred-at", event.occurredAt().toString());
        put(headers, "dead-letter-reason", reason.getMessage());
        put(headers, "dead-letter-kind", AsideEvent.kindOf(reason));
        put(headers, "dead-letter-position", event.position().toString());
        put(headers, "dead-letter-headers", event.headers());
        return new Message(
                topic,
                event.aggregateId(),
                event.payload() == null ? EMPTY : event.payload(),
                headers,
                event.occurredAt());
    }

    private static void put(Map<String, String> headers, String name, String value) {
        if (value != null) {
            headers.put(name, value);
        }
    }
}
