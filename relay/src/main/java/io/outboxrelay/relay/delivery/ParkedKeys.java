package io.outboxrelay.relay.delivery;

import java.util.Collection;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/**
 * The aggregates whose events are put aside instead of sent: at least those that are parked in the store. Not safe for
 * use by several threads.
 */
final class ParkedKeys {

    /** Tells one state of a parked aggregate from another. */
    record Seen(EventKey key, Object identity, long puts) {}

    private static final class Parked {

        /** The first event that is put aside; those before it are sent. */
        private long from;

        /** Events that were given to be put aside, and those of them whose fate is open. */
        private long puts;

        private long open;

        Parked(long from) {
            this.from = from;
        }
    }

    private final Map<EventKey, Parked> keys = new HashMap<>();

    /** Parks aggregates from the first event on, unless they are parked already. */
    void addAll(Collection<EventKey> parked) {
        parked.forEach(key -> keys.putIfAbsent(key, new Parked(Long.MIN_VALUE)));
    }

    /** Parks the aggregate of an event from this event on. */
    void park(Pending first) {
        Parked parked = keys.computeIfAbsent(first.key(), key -> new Parked(first.sequence()));
        parked.from = Math.min(parked.from, first.sequence());
    }

    /** Whether the event is to be put aside behind others. */
    boolean holds(Pending pending) {
        if (keys.isEmpty()) {
            return false;
        }
        Parked parked = keys.get(pending.key());
        return parked != null && pending.sequence() >= parked.from;
    }

    /** An event of a parked aggregate was given to be put aside. */
    void given(EventKey key) {
        Parked parked = keys.get(key);
        parked.puts++;
        parked.open++;
    }

    /** It is put aside. */
    void stored(EventKey key) {
        Parked parked = keys.get(key);
        if (parked != null) {
            parked.open--;
        }
    }

    /** The aggregate is sent again. */
    void remove(EventKey key) {
        keys.remove(key);
    }

    /** What the aggregate looks like now; empty if it is not parked, or the fate of some of its events is open. */
    Optional<Seen> look(EventKey key) {
        Parked parked = keys.get(key);
        return parked == null || parked.open > 0 ? Optional.empty() : Optional.of(new Seen(key, parked, parked.puts));
    }

    /** The aggregate is sent again, if nothing happened to it since. */
    void removeUnchanged(Seen seen) {
        Parked parked = keys.get(seen.key());
        if (parked == seen.identity() && parked.puts == seen.puts()) {
            keys.remove(seen.key());
        }
    }

    int size() {
        return keys.size();
    }
}
