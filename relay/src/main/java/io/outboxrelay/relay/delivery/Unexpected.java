package io.outboxrelay.relay.delivery;

import java.util.Optional;

import io.outboxrelay.api.Code;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What nobody expected in a run, thrown where no caller hears it. From then on nobody knows what became of the events at hand:
 * the run has to end, so that the next one begins with them. Safe for use by any thread.
 */
final class Unexpected {

    private static final Logger log = LoggerFactory.getLogger(Unexpected.class);

    private volatile Optional<String> what = Optional.empty();

    /** The run has to end because of this. */
    void happened(Throwable failure) {
        log.error("{} The run has to end after an unexpected failure", Code.UNEXPECTED, failure);
        what = Optional.of("unexpected " + failure.getClass().getName());
    }

    /** In one line; empty as long as all is well. */
    Optional<String> what() {
        return what;
    }
}
