package io.outboxrelay.relay.delivery;

import java.io.IOException;
import java.util.Optional;

import io.outboxrelay.api.Code;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Something that is tried again until it succeeds: why it does not now. Logs each reason once. Safe for use by any thread. */
final class Failing {

    private static final Logger log = LoggerFactory.getLogger(Failing.class);

    private final String what;
    private volatile Optional<String> why = Optional.empty();

    /** @param what what fails, as the beginning of a line */
    Failing(String what) {
        this.what = what;
    }

    /** @param failure its message is one line */
    void failed(IOException failure) {
        Optional<String> reason = Optional.of(String.valueOf(failure.getMessage()));
        if (!why.equals(reason)) {
            log.warn("{} {}: {}", Code.DEAD_LETTERS_UNSTORED, what, reason.get());
            if (failure.getCause() instanceof RuntimeException unexpected) {
                log.debug("The unexpected failure:", unexpected);
            }
        }
        why = reason;
    }

    void succeeded() {
        why = Optional.empty();
    }

    /** In one line; empty if nothing is wrong. */
    Optional<String> why() {
        return why;
    }
}
