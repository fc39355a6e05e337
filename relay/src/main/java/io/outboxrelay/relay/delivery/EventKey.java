package io.outboxrelay.relay.delivery;

import io.outboxrelay.api.OutboxEvent;

/**
 * What keeps order: events of one aggregate, and no others, wait for each other.
 *
 * @param aggregateType the kind of aggregate, or null
 * @param aggregateId the aggregate, or null
 */
public record EventKey(String aggregateType, String aggregateId) {

    /** The key of an event. */
    public static EventKey of(OutboxEvent event) {
        return new EventKey(event.aggregateType(), event.aggregateId());
    }

    /** For people, and as operators give it: {@code type/id}; what is null is left out. */
    @Override
    public String toString() {
        return (aggregateType == null ? "" : aggregateType) + "/" + (aggregateId == null ? "" : aggregateId);
    }
}
