package io.outboxrelay.relay.delivery;

import java.time.Instant;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableSet;
import java.util.TreeSet;

/**
 * Aggregates that stand behind a rejected event, each with its events in their original order: an earlier event that
 * comes back from a broker that failed goes before those that came later. Not safe for use by several threads.
 */
final class HeldKeys {

    /** The first of the events is the rejected one. */
    private record Held(String reason, Instant since, NavigableSet<Pending> events) {}

    private final Map<Pending.Key, Held> held = new LinkedHashMap<>();

    /** Takes an event that must wait behind a rejected one; false if no earlier event of its aggregate is held. */
    boolean queueBehind(Pending later) {
        if (held.isEmpty()) {
            return false;
        }
        Held key = held.get(later.key());
        return key != null
                && later.compareTo(key.events().first()) > 0
                && key.events().add(later);
    }

    /** Holds the aggregate of a rejected event, before which nothing of it is held. */
    void hold(Pending rejected, String reason) {
        NavigableSet<Pending> events = new TreeSet<>();
        Held before = held.remove(rejected.key());
        if (before != null) {
            events.addAll(before.events());
        }
        events.add(rejected);
        held.put(rejected.key(), new Held(reason, before == null ? Instant.now() : before.since(), events));
    }

    /** Lets go of the aggregate whose rejected event has this name: that event first, then all behind it; or nothing. */
    List<Pending> release(String name) {
        for (Iterator<Held> keys = held.values().iterator(); keys.hasNext(); ) {
            Held key = keys.next();
            if (key.events().first().event().name().equals(name)) {
                keys.remove();
                return List.copyOf(key.events());
            }
        }
        return List.of();
    }

    List<HaltedEvent> halted() {
        return held.values().stream()
                .map(key -> new HaltedEvent(
                        key.events().first().event(),
                        key.reason(),
                        key.since(),
                        key.events().size() - 1))
                .toList();
    }
}
