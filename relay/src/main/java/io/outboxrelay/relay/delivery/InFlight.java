package io.outboxrelay.relay.delivery;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;

/**
 * The places of the unsettled events, in the order of their hand-over. Whoever asks pays; adding costs next to nothing,
 * and settling nothing at all: a place may stay for a while after its event is settled, and then holds nothing of it.
 * Not safe for use by several threads.
 */
final class InFlight {

    private final Deque<Place> places = new ArrayDeque<>();
    private int sweepAt = 1024;

    void add(Place place) {
        while (!places.isEmpty() && places.peekFirst().isSettled()) {
            places.removeFirst();
        }
        if (places.size() >= sweepAt) {
            // One that is halted keeps the first place for days.
            places.removeIf(Place::isSettled);
            sweepAt = Math.max(1024, 2 * places.size());
        }
        places.addLast(place);
    }

    /** Those of the unsettled events of its aggregate that came before this one. */
    List<Place> before(Pending later) {
        EventKey key = later.key();
        return places.stream()
                .takeWhile(earlier -> earlier.sequence() < later.sequence())
                .filter(earlier -> earlier.isUnsettledOf(key))
                .toList();
    }
}
