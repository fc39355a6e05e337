package io.outboxrelay.testkit.workload;

import java.time.Duration;

/**
 * How writers write.
 *
 * @param seed of what each writer does; how writers interleave is theirs
 * @param writers how many, each with a connection and a thread
 * @param aggregates how many; fewer means more waiting for one another
 * @param eventsPerSecond of all writers together; 0 for no limit
 * @param longest how long a few transactions stay open, at most; zero for none
 */
public record WorkloadPlan(long seed, int writers, int aggregates, int eventsPerSecond, Duration longest) {

    /** The numbers make sense. */
    public WorkloadPlan {
        if (writers < 1 || aggregates < 1 || eventsPerSecond < 0) {
            throw new IllegalArgumentException(
                    "writers=" + writers + " aggregates=" + aggregates + " eventsPerSecond=" + eventsPerSecond);
        }
    }

    /** Six writers on forty aggregates, as fast as they can. */
    public static WorkloadPlan seeded(long seed) {
        return new WorkloadPlan(seed, 6, 40, 0, Duration.ZERO);
    }

    /** The same with so many writers. */
    public WorkloadPlan withWriters(int count) {
        return new WorkloadPlan(seed, count, aggregates, eventsPerSecond, longest);
    }

    /** The same with so many aggregates. */
    public WorkloadPlan withAggregates(int count) {
        return new WorkloadPlan(seed, writers, count, eventsPerSecond, longest);
    }

    /** The same at this rate. */
    public WorkloadPlan withEventsPerSecond(int rate) {
        return new WorkloadPlan(seed, writers, aggregates, rate, longest);
    }

    /** The same, but now and then a transaction stays open for up to so long, and holds its aggregates meanwhile. */
    public WorkloadPlan withLongTransactions(Duration atMost) {
        return new WorkloadPlan(seed, writers, aggregates, eventsPerSecond, atMost);
    }
}
