package io.outboxrelay.benchmark;

import java.time.Duration;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;

import io.outboxrelay.benchmark.Subject.Kind;

/** All workloads, in the order of the report. */
final class Workloads {

    private static final String ALL = "all";

    /** Enough for a processor time that is told in hundredths of a second. */
    private static final int ANSWERS = 1_000;

    private static final Set<Kind> EVERY = EnumSet.allOf(Kind.class);
    private static final Set<Kind> TO_KAFKA = EnumSet.of(Kind.RELAY_BY_LOG, Kind.RELAY_BY_TABLE, Kind.OTHER);
    private static final Set<Kind> RELAY = EnumSet.of(Kind.RELAY_BY_LOG, Kind.RELAY_BY_TABLE);
    private static final Set<Kind> BY_LOG = EnumSet.of(Kind.RELAY_BY_LOG);
    private static final Set<Kind> BY_TABLE = EnumSet.of(Kind.RELAY_BY_TABLE);

    private final List<Workload> all;

    Workloads(int events, int seconds) {
        Rows rows = Rows.of(events);
        Rows many = Rows.of(10 * events);
        Rows single = rows.perTransaction(1);
        Rows thousands = rows.perTransaction(1_000);
        Rows large = Rows.of(Math.max(1, events / 20)).withFiller(10_000);
        Rows aggregates = Rows.of(2 * events).ofAggregates(2 * events);
        all = List.of(
                drain("drain", rows),
                drain("drain-single", single),
                drain("drain-thousands", thousands),
                drain("drain-10kb", large),
                drain("drain-aggregates", aggregates),
                drain("drain-many", many),
                rate("rate-1000", 1_000, 1, seconds, TO_KAFKA),
                rate("rate-5000", 5_000, 10, seconds, TO_KAFKA),
                rate("rate-20000", 20_000, 20, seconds, TO_KAFKA),
                new Workload("start", "Start with one row that waits", TO_KAFKA, new Start()::measure),
                heap("memory-192", 64, new SteadyRate(20_000, 20, seconds)),
                heap("heap-64", 64, new SteadyRate(2_000, 10, seconds)),
                new Workload(
                        "drain-kept",
                        "Backlog of " + rows + ", which stay in the table",
                        BY_LOG,
                        (subject, outbox) -> new Drain(rows).measure(subject.keepingRows(), outbox)),
                new Workload(
                        "observed",
                        "Metrics and status asked for while nothing happens",
                        RELAY,
                        new Observed(ANSWERS)::measure),
                new Workload(
                        "polling-old-snapshot",
                        "Backlog of " + rows + ", beside an old snapshot",
                        BY_TABLE,
                        new OldSnapshot(rows)::measure),
                new Workload("polling-idle", "An empty table", BY_TABLE, new IdlePolling(seconds)::measure),
                new Workload(
                        "polling-notified",
                        "100 rows/s, the poller woken by notification",
                        BY_TABLE,
                        new NotifiedPolling(new SteadyRate(100, 1, seconds))::measure),
                new Workload("fallback", "The slot is dropped", BY_LOG, new Fallback()::measure),
                new Workload(
                        "dead-broker",
                        rows + " wait for a broker that is down",
                        RELAY,
                        new DeadBroker(rows, Duration.ofSeconds(seconds))::measure));
    }

    private static Workload drain(String name, Rows rows) {
        return new Workload(name, "Backlog of " + rows, EVERY, new Drain(rows)::measure);
    }

    private static Workload rate(String name, int rowsPerSecond, int rowsPerTransaction, int seconds, Set<Kind> kinds) {
        SteadyRate rate = new SteadyRate(rowsPerSecond, rowsPerTransaction, seconds);
        return new Workload(name, rate.toString(), kinds, rate::measure);
    }

    private static Workload heap(String name, int megabytes, SteadyRate rate) {
        return new Workload(
                name,
                rate + ", with -Xmx" + megabytes + "m",
                RELAY,
                (subject, outbox) -> rate.measure(subject.withHeap(megabytes), outbox));
    }

    /** Those of these names, or all of them. */
    List<Workload> chosen(List<String> names) {
        if (names.equals(List.of(ALL))) {
            return all;
        }
        return names.stream().map(this::named).toList();
    }

    private Workload named(String name) {
        return all.stream()
                .filter(workload -> workload.name().equals(name))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("benchmark.only: " + name + " is none of "
                        + all.stream().map(Workload::name).toList() + ", and not " + ALL));
    }
}
