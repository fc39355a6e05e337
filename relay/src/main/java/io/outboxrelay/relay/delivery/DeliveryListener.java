package io.outboxrelay.relay.delivery;

import java.util.List;

import io.outboxrelay.api.Message;
import io.outboxrelay.api.OutboxEvent;

/**
 * Hears what passes through one run's delivery. Told of every event, on threads that others wait for: returns at once,
 * waits for nothing and throws nothing.
 */
@FunctionalInterface
public interface DeliveryListener {

    /** The source has begun to read. */
    void streaming();

    /** The source handed these over. Called by one thread at a time. */
    default void read(List<OutboxEvent> events) {}

    /**
     * The broker has stored the message of an event, which may be its dead letter. Called on the broker's threads.
     *
     * @param nanos how long that took, from when the message was last given to the broker
     */
    default void stored(OutboxEvent event, Message message, long nanos) {}

    /** The broker failed; another one takes over what it has not stored. */
    default void brokerFailed() {}
}
