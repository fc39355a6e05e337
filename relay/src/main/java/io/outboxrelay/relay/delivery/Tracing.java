package io.outboxrelay.relay.delivery;

import java.util.Map;

import io.outboxrelay.api.Message;
import io.outboxrelay.api.OutboxEvent;
import io.outboxrelay.api.RejectedException;

/** Records what becomes of single events, each as one span of a trace. Called with a lock held: waits for nothing, throws nothing. */
public interface Tracing {

    /** Records nothing. */
    Tracing OFF = new Tracing() {
        @Override
        public EventSpan begin(OutboxEvent event, Message message) {
            return EventSpan.NONE;
        }

        @Override
        public void unfit(OutboxEvent event, Map<String, String> headers, RejectedException reason) {}
    };

    /** Begins the span of an event of which a message was made, with the headers that the message would have. */
    EventSpan begin(OutboxEvent event, Message message);

    /**
     * Records an event that can never be a message.
     *
     * @param headers the row's own, as far as they can be read
     */
    void unfit(OutboxEvent event, Map<String, String> headers, RejectedException reason);
}
