package io.outboxrelay.testkit.workload;

/**
 * How writers write.
 *
 * @param seed of what each writer does; how writers interleave is theirs
 * @param writers how many, each with a connection and a thread
 * @param aggregates how many; fewer means more waiting for one another
 * @param eventsPerSecond of all writers together; 0 for no limit
 */
public record WorkloadPlan(long seed, int writers, int aggregates, int eventsPerSecond) {

    /** The numbers make sense. */
    public WorkloadPlan {
        if (writers < 1 || aggregates < 1 || eventsPerSecond < 0) {
            throw new IllegalArgumentException(
                    "writers=" + writers + " aggregates=" + aggregates + " eventsPerSecond=" + eventsPerSecond);
        }
    }

    /** Six writers on forty aggregates, as fast as they can. */
    public static WorkloadPlan seeded(long seed) {
        return new WorkloadPlan(seed, 6, 40, 0);
    }

    /** The same with so many writers. */
    public WorkloadPlan withWriters(int count) {
        return new WorkloadPlan(seed, count, aggregates, eventsPerSecond);
    }

    /** The same with so many aggregates. */
    public WorkloadPlan withAggregates(int count) {
        return new WorkloadPlan(seed, writers, count, eventsPerSecond);
    }

    /** The same at this rate. */
    public WorkloadPlan withEventsPerSecond(int rate) {
        return new WorkloadPlan(seed, writers, aggregates, rate);
    }
}
