package io.outboxrelay.testkit.workload;

import java.util.Collection;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** What the writers know of their own events: not enough to tell what was committed, but enough to doubt the truth. */
final class Ledger {

    private final Set<String> attempted = ConcurrentHashMap.newKeySet();
    private final Set<String> acknowledged = ConcurrentHashMap.newKeySet();

    /** To be called before the event reaches the database. */
    void attempt(String eventId) {
        attempted.add(eventId);
    }

    /** To be called after the database has confirmed the commit. */
    void acknowledge(Collection<String> eventIds) {
        acknowledged.addAll(eventIds);
    }

    Set<String> attempted() {
        return attempted;
    }

    Set<String> acknowledged() {
        return acknowledged;
    }
}
