package io.outboxrelay.benchmark;

import java.util.List;

/**
 * How fast a backlog in the log becomes messages.
 *
 * @param events how many rows
 * @param keep whether the rows stay in the table, so that nothing is cleaned up; they are deleted otherwise
 */
record Drain(int events, boolean keep) {

    private static final String KEEP =
            "outbox.after-delivery = keep, source.fallback = none, source.debezium.existing-rows = skip";

    List<Figure> measure(Relay relay, Outbox outbox) throws Exception {
        String configuration = keep ? KEEP : "";
        try (Relay.Running first = relay.start(outbox, configuration)) {
            // Makes the slot, so that the log holds what is committed from now on.
            first.awaitStreaming().stop();
        }
        outbox.commitBacklog(events);
        return new Backlog(events, keep ? "rows kept, " : "").drain(relay, outbox, configuration, !keep);
    }
}
