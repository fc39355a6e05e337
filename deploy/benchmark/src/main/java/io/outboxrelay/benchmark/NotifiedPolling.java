package io.outboxrelay.benchmark;

import java.util.List;

import io.outboxrelay.schema.SchemaScript;

/** A steady rate, polled, woken by a notification that a trigger on the table sends. */
record NotifiedPolling(SteadyRate rate) {

    List<Figure> measure(Subject subject, Outbox outbox) throws Exception {
        outbox.execute(SchemaScript.NOTIFY.sql());
        return rate.measure(subject.with("source.polling.notify { enabled = true, channel = outbox_relay }"), outbox);
    }
}
