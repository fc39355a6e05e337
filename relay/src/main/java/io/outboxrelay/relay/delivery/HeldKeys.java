package io.outboxrelay.relay.delivery;

import java.time.Instant;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.NavigableSet;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * Aggregates that stand behind one of their events, each with its events in their original order: an earlier event that
 * comes back from a broker that failed goes before those that came later.
 *
 * <p>An aggregate is <em>halted</em> behind an event that was rejected, until an operator says what becomes of it
 * ({@link #release(String)}). It merely <em>waits</em> behind an event that something has to be done for first, such as
 * storing its payload elsewhere, until that is done ({@link #release(Pending)}). Only halted ones are shown to operators,
 * and an aggregate that waits is halted once an earlier event of it is rejected.
 *
 * <p>Not safe for use by several threads.
 */
final class HeldKeys {

    /** Why operators must decide about an event. */
    private record Halt(String reason, Instant since) {}

    private static final class Held {

        /** The first is what all wait for. */
        private final NavigableSet<Pending> events = new TreeSet<>();

        /** Those of the events that operators must decide about. */
        private final NavigableMap<Pending, Halt> halts = new TreeMap<>();

        Pending first() {
            return events.first();
        }

        boolean isHalted() {
            return halts.containsKey(events.first());
        }
    }

    private final Map<EventKey, Held> held = new LinkedHashMap<>();

    /** Takes an event that must wait behind a held one; false if no earlier event of its aggregate is held. */
    boolean queueBehind(Pending later) {
        if (held.isEmpty()) {
            return false;
        }
        Held key = held.get(later.key());
        return key != null && later.compareTo(key.first()) > 0 && key.events.add(later);
    }

    /** Halts the aggregate of a rejected event, before which nothing of it is held. */
    void halt(Pending rejected, String reason) {
        hold(rejected);
        held.get(rejected.key()).halts.put(rejected, new Halt(reason, Instant.now()));
    }

    /** Lets the aggregate of an event wait until {@link #release(Pending)}. Nothing of it is held before the event. */
    void hold(Pending unready) {
        held.computeIfAbsent(unready.key(), key -> new Held()).events.add(unready);
    }

    /** Lets go of the aggregate that is halted at the event of this name: that event first, then all behind it; or nothing. */
    List<Pending> release(String name) {
        for (Iterator<Held> keys = held.values().iterator(); keys.hasNext(); ) {
            Held key = keys.next();
            if (key.isHalted() && key.first().event().name().equals(name)) {
                keys.remove();
                return List.copyOf(key.events);
            }
        }
        return List.of();
    }

    /**
     * Lets go of the aggregate that waits for this event, which is ready now: that event first, then all behind it, up to one
     * that is halted. Nothing if an earlier event of it is held by now: then this one comes with that one's release.
     */
    List<Pending> release(Pending ready) {
        Held key = held.get(ready.key());
        if (key == null || key.isHalted() || key.first() != ready) {
            return List.of();
        }
        NavigableSet<Pending> ahead =
                key.halts.isEmpty() ? key.events : key.events.headSet(key.halts.firstKey(), false);
        List<Pending> released = List.copyOf(ahead);
        ahead.clear();
        if (key.events.isEmpty()) {
            held.remove(ready.key());
        }
        return released;
    }

    List<HaltedEvent> halted() {
        return held.values().stream()
                .filter(Held::isHalted)
                .map(key -> new HaltedEvent(
                        key.first().event(),
                        key.halts.get(key.first()).reason(),
                        key.halts.get(key.first()).since(),
                        key.events.size() - 1))
                .toList();
    }
}
