package io.outboxrelay.relay.delivery;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;

import io.outboxrelay.api.RejectedException;

/** What failed with a broker, and what came since, until another one gets it. Safe for use by any thread. */
final class Unsent {

    /** In no order. */
    private final Queue<Pending> events = new ConcurrentLinkedQueue<>();

    void add(Pending pending) {
        events.add(pending);
    }

    void addAll(Collection<Pending> several) {
        events.addAll(several);
    }

    /** Why the broker failed: a refusal, if there is one, since that is what a broker fails the others for. */
    Optional<Throwable> firstFailure() {
        return events.stream()
                .filter(pending -> pending.failure() != null)
                .min(Comparator.<Pending, Boolean>comparing(
                                pending -> !(pending.failure() instanceof RejectedException))
                        .thenComparing(Comparator.naturalOrder()))
                .map(Pending::failure);
    }

    /** Takes everything, in the order of the hand-overs. */
    Deque<Pending> takeAll() {
        List<Pending> taken = new ArrayList<>();
        for (Pending pending = events.poll(); pending != null; pending = events.poll()) {
            taken.add(pending);
        }
        taken.sort(Comparator.naturalOrder());
        return new ArrayDeque<>(taken);
    }
}
