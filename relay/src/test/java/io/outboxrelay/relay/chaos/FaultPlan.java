package io.outboxrelay.relay.chaos;

import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Collections;
import java.util.Deque;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;

/** Faults without end, the same for the same seed: every kind once in an order by chance, then every kind again. */
final class FaultPlan {

    private final Random random;
    private final Deque<FaultKind> round = new ArrayDeque<>();
    private int count;

    FaultPlan(long seed) {
        this.random = new Random(seed);
    }

    Fault next() {
        if (round.isEmpty()) {
            List<FaultKind> kinds = Arrays.asList(FaultKind.values());
            Collections.shuffle(kinds, random);
            round.addAll(kinds);
        }
        FaultKind kind = round.remove();
        return new Fault(++count, kind, kind.length(random));
    }

    /** The first faults of a plan. */
    static List<Fault> first(long seed, int count) {
        FaultPlan plan = new FaultPlan(seed);
        return Stream.generate(plan::next).limit(count).toList();
    }

    /** These kinds, one after the other; their lengths follow from the seed. */
    static List<Fault> of(long seed, FaultKind... kinds) {
        Random random = new Random(seed);
        return Stream.of(kinds)
                .map(kind -> new Fault(Arrays.asList(kinds).indexOf(kind) + 1, kind, kind.length(random)))
                .toList();
    }
}
