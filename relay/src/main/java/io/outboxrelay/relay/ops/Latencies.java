package io.outboxrelay.relay.ops;

import java.util.stream.LongStream;

/** Times that were measured until some moment, by how long they are. Two of them tell what came between. */
public final class Latencies {

    /** In a second. */
    static final double MICROS = 1e6;

    /** Of each power of ten, in tenths. */
    private static final long[] STEPS = {10, 15, 20, 30, 40, 50, 60, 80};

    /** From 100 µs, in microseconds. */
    static final long[] BOUNDS = bounds(10, 7);

    private final long[] counts;

    /** @param counts by bound, and behind the last the rest */
    Latencies(long[] counts) {
        this.counts = counts;
    }

    /** How many there are between a bound and the one before it; behind the last the rest. */
    long count(int bound) {
        return counts[bound];
    }

    /** What was measured since an earlier moment. */
    public Latencies since(Latencies earlier) {
        long[] more = new long[counts.length];
        for (int i = 0; i < more.length; i++) {
            more[i] = counts[i] - earlier.counts[i];
        }
        return new Latencies(more);
    }

    /**
     * The time in seconds below which a share of all lies, evenly between two bounds; NaN for nothing.
     *
     * @param share such as 0.99
     */
    public double percentile(double share) {
        long total = LongStream.of(counts).sum();
        if (total == 0) {
            return Double.NaN;
        }
        double rank = share * total;
        long below = 0;
        for (int i = 0; i < BOUNDS.length; i++) {
            if (counts[i] > 0 && below + counts[i] >= rank) {
                long from = i == 0 ? 0 : BOUNDS[i - 1];
                return (from + (BOUNDS[i] - from) * (rank - below) / counts[i]) / MICROS;
            }
            below += counts[i];
        }
        return BOUNDS[BOUNDS.length - 1] / MICROS;
    }

    private static long[] bounds(long first, int powers) {
        long[] bounds = new long[STEPS.length * powers];
        long power = first;
        for (int i = 0; i < powers; i++) {
            for (int j = 0; j < STEPS.length; j++) {
                bounds[i * STEPS.length + j] = power * STEPS[j];
            }
            power *= 10;
        }
        return bounds;
    }
}
