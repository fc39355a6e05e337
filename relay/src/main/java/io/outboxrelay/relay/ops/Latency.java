package io.outboxrelay.relay.ops;

import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.atomic.LongAdder;

import io.prometheus.metrics.model.registry.Collector;
import io.prometheus.metrics.model.snapshots.ClassicHistogramBuckets;
import io.prometheus.metrics.model.snapshots.HistogramSnapshot;
import io.prometheus.metrics.model.snapshots.HistogramSnapshot.HistogramDataPointSnapshot;
import io.prometheus.metrics.model.snapshots.MetricSnapshot;

/**
 * How long something took, again and again. Noting costs an increment and allocates nothing; safe for use by any thread.
 * Prometheus gets some of the bounds as a classic histogram, in seconds; percentiles are taken from all of them.
 */
final class Latency implements Collector {

    private static final long[] BOUNDS = Latencies.BOUNDS;

    /** What Prometheus gets: 1, 2 and 5 of each power of ten, from a millisecond to 100 s. */
    private static final long SMALLEST_TOLD = 1_000;

    private static final long LARGEST_TOLD = 100_000_000;

    private final String name;
    private final String help;
    private final AtomicLongArray counts = new AtomicLongArray(BOUNDS.length + 1);
    private final LongAdder sumMicros = new LongAdder();

    /**
     * @param name of the metric, without its unit
     * @param help of the metric
     */
    Latency(String name, String help) {
        this.name = name;
        this.help = help;
    }

    /** Something took so long; what seems to have taken less than nothing, by two clocks, took nothing. */
    void note(long micros) {
        long took = Math.max(0, micros);
        counts.incrementAndGet(bucket(took));
        sumMicros.add(took);
    }

    /** What was noted until now. */
    Latencies counts() {
        long[] copy = new long[counts.length()];
        for (int i = 0; i < copy.length; i++) {
            copy[i] = counts.get(i);
        }
        return new Latencies(copy);
    }

    @Override
    public MetricSnapshot collect() {
        Latencies now = counts();
        ClassicHistogramBuckets.Builder buckets = ClassicHistogramBuckets.builder();
        long since = 0;
        for (int i = 0; i < BOUNDS.length; i++) {
            since += now.count(i);
            if (isTold(BOUNDS[i])) {
                buckets.bucket(BOUNDS[i] / Latencies.MICROS, since);
                since = 0;
            }
        }
        buckets.bucket(Double.POSITIVE_INFINITY, since + now.count(BOUNDS.length));
        return HistogramSnapshot.builder()
                .name(name + "_seconds")
                .help(help)
                .dataPoint(HistogramDataPointSnapshot.builder()
                        .classicHistogramBuckets(buckets.build())
                        .sum(sumMicros.sum() / Latencies.MICROS)
                        .build())
                .build();
    }

    private static boolean isTold(long bound) {
        if (bound < SMALLEST_TOLD || bound > LARGEST_TOLD) {
            return false;
        }
        long first = bound;
        while (first >= 10) {
            if (first % 10 != 0) {
                return false;
            }
            first /= 10;
        }
        return first == 1 || first == 2 || first == 5;
    }

    /** The first bound that is not below; a few comparisons. */
    private static int bucket(long micros) {
        int low = 0;
        int high = BOUNDS.length;
        while (low < high) {
            int middle = (low + high) >>> 1;
            if (BOUNDS[middle] < micros) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        return low;
    }
}
