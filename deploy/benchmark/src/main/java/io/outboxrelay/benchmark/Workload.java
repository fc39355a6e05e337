package io.outboxrelay.benchmark;

import java.util.List;
import java.util.Set;

import io.outboxrelay.benchmark.Subject.Kind;

/**
 * One thing to measure.
 *
 * @param name by which it is chosen
 * @param title what it is, for the report
 * @param kinds of which subjects it is measured
 * @param measurement measures it
 */
record Workload(String name, String title, Set<Kind> kinds, Measurement measurement) {

    /** Measures one subject on an outbox of its own. Throws if the subject did not do its work right. */
    interface Measurement {
        List<Figure> measure(Subject subject, Outbox outbox) throws Exception;
    }
}
