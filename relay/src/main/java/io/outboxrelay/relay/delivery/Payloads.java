package io.outboxrelay.relay.delivery;

import java.util.Optional;
import java.util.concurrent.CompletionStage;

import io.outboxrelay.api.Message;
import io.outboxrelay.api.OutboxEvent;
import io.outboxrelay.api.RejectedException;

/** Keeps payloads whose messages carry only a reference to them. Safe for use by any thread. */
public interface Payloads extends AutoCloseable {

    /** Whether this event goes by reference in any case. */
    boolean wants(OutboxEvent event);

    /** Whether an event that was rejected for this reason may go by reference instead. */
    boolean mends(OutboxEvent event, RejectedException reason);

    /**
     * Stores the payload of an event. Does not wait.
     *
     * @param message the event's message with its payload
     * @return completes, when the payload is stored durably, with the message that refers to it; with
     *     {@link RejectedException} if the payload can never be stored, and only that before this returns; with anything
     *     else if nothing can be stored any more, and the run must end; never after {@link #close}
     */
    CompletionStage<Message> store(OutboxEvent event, Message message);

    /** No message with a reference to the event, which was stored before, is sent any more, unless it is stored again. */
    void settled(OutboxEvent event);

    /** Why nothing can be stored at the moment, in one line; empty if nothing waits for that. */
    Optional<String> failure();

    /** Stores nothing any more. Does not wait. */
    @Override
    void close();
}
