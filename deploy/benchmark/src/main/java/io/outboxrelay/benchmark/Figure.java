package io.outboxrelay.benchmark;

/**
 * What one round brought of one subject.
 *
 * @param name of what
 * @param unit in what
 * @param value how much
 * @param moreIsBetter how to compare two
 */
record Figure(String name, String unit, double value, boolean moreIsBetter) {

    static Figure less(String name, String unit, double value) {
        return new Figure(name, unit, value, false);
    }

    static Figure more(String name, String unit, double value) {
        return new Figure(name, unit, value, true);
    }
}
