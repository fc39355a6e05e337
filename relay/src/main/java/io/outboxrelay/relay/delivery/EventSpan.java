package io.outboxrelay.relay.delivery;

import io.outboxrelay.api.Message;
import io.outboxrelay.api.RejectedException;

/**
 * The span of one event, from its message until that is stored, rejected or put aside. Told of one thing after another, by
 * any thread.
 */
public interface EventSpan {

    /** The span of an event that is not traced. */
    EventSpan NONE = new EventSpan() {};

    /** The message with the headers by which a consumer continues the trace. */
    default Message carriedBy(Message message) {
        return message;
    }

    /** The message is given to a broker. */
    default void sent() {}

    /** That broker failed, and the message is sent again. */
    default void failed(Throwable cause) {}

    /** The message is stored: the end. */
    default void stored() {}

    /** The message is rejected: the end. */
    default void rejected(RejectedException reason) {}

    /** The event is put aside unsent, behind a rejected one of its aggregate: the end. */
    default void putAside() {}
}
