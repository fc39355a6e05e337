package io.outboxrelay.testkit.history;

import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * What the writers did, from a witness that is not the relay.
 *
 * @param committed by key, in commit order
 * @param rolledBack the events whose transaction, or part of one, was rolled back
 */
public record Reference(Map<String, List<Written>> committed, Set<String> rolledBack) {

    /** Copies both. */
    public Reference {
        Map<String, List<Written>> copy = new TreeMap<>();
        committed.forEach((key, events) -> copy.put(key, List.copyOf(events)));
        committed = Collections.unmodifiableMap(copy);
        rolledBack = Set.copyOf(rolledBack);
    }

    /** How many events were committed. */
    public int size() {
        return committed.values().stream().mapToInt(List::size).sum();
    }
}
