package io.outboxrelay.broker.kafka;

import io.outboxrelay.api.RejectedException;

/**
 * Why a topic takes no message, or not this one.
 *
 * @param kind what is wrong
 * @param text why, in one line, with the remedy
 */
record Refusal(RejectedException.Kind kind, String text) {

    RejectedException asException() {
        return new RejectedException(kind, text);
    }
}
