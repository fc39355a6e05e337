package io.outboxrelay.benchmark;

import java.util.BitSet;
import java.util.HashMap;
import java.util.Map;

/** Whether every row came, and for the first time in the order of its aggregate. No figure counts without it. */
final class Check {

    private final int expected;
    private final BitSet seen;
    private final Map<String, Integer> newest = new HashMap<>();
    private int outOfOrder;
    private int foreign;
    private int duplicates;

    /** @param expected how many rows were committed, numbered from 0 */
    Check(int expected) {
        this.expected = expected;
        this.seen = new BitSet(expected);
    }

    void received(String key, int number) {
        if (number >= expected) {
            foreign++;
        } else if (seen.get(number)) {
            duplicates++;
        } else {
            seen.set(number);
            if (newest.merge(key, number, Math::max) > number) {
                outOfOrder++;
            }
        }
    }

    boolean isComplete() {
        return seen.cardinality() == expected;
    }

    int duplicates() {
        return duplicates;
    }

    void requireRight() {
        if (!isComplete() || outOfOrder > 0 || foreign > 0) {
            throw new IllegalStateException("of " + expected + " rows " + (expected - seen.cardinality())
                    + " are missing, " + outOfOrder + " out of order, " + foreign + " unknown");
        }
    }
}
