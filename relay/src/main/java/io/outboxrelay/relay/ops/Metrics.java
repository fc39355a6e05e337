package io.outboxrelay.relay.ops;

import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import java.util.function.Function;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import java.util.function.ToDoubleFunction;
import java.util.function.ToLongFunction;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.binder.BaseUnits;
import io.micrometer.core.instrument.binder.jvm.JvmGcMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmMemoryMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmThreadMetrics;
import io.micrometer.core.instrument.binder.system.ProcessorMetrics;
import io.micrometer.core.instrument.binder.system.UptimeMetrics;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import io.outboxrelay.api.Message;
import io.outboxrelay.api.OutboxEvent;
import io.outboxrelay.api.RejectedException;
import io.outboxrelay.api.SourceStatus;
import io.outboxrelay.api.SourceStatus.RetainedLog;
import io.outboxrelay.postgres.OutboxFigures;
import io.outboxrelay.postgres.OutboxFigures.Slot;
import io.outboxrelay.postgres.OutboxFigures.Waiting;
import io.outboxrelay.relay.delivery.DeliveryListener;

/**
 * The relay in numbers, over all its runs: health, what passes and how fast, what was settled and removed, what the
 * database tells, and the process. Documented in {@code docs/metrics.md}, which a test compares. Asking waits for
 * nothing. Safe for use by any thread.
 */
public final class Metrics {

    /** Of {@link #text}. */
    public static final String CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

    static final String PREFIX = "outbox.relay.";

    /** What pg_replication_slots.wal_status may say. */
    private static final List<String> WAL_STATUS = List.of("reserved", "extended", "unreserved", "lost");

    /** What a circuit breaker may be. */
    private static final List<String> BREAKER = List.of("closed", "open", "half_open");

    private record Current(
            boolean readsLog,
            Supplier<SourceStatus> status,
            LongSupplier settled,
            LongSupplier unsettled,
            Supplier<String> breaker) {}

    /**
     * What has passed until some moment, for whoever draws it: two of them tell a rate.
     *
     * @param at when
     * @param settledEvents events that are settled, over all runs
     * @param publishedBytes payload that the broker has stored, over all runs
     * @param lagSeconds as {@link Metrics#lagSeconds}
     * @param lagBytes log between the confirmed position and the end of the log; NaN if nobody knows
     * @param waitingRows unsent rows; NaN if nobody knows
     * @param endToEnd times from commit to broker, over all runs
     */
    public record Sample(
            Instant at,
            long settledEvents,
            long publishedBytes,
            double lagSeconds,
            double lagBytes,
            double waitingRows,
            Latencies endToEnd) {}

    private record Aside(LongSupplier letters, LongSupplier parkedKeys) {}

    private record Totals(long settled, long removed, long missed) {

        static final Totals NONE = new Totals(0, 0, 0);

        Totals plus(Current run) {
            SourceStatus status = run.status().get();
            return new Totals(
                    settled + run.settled().getAsLong(), removed + status.removed(), missed + status.missed());
        }
    }

    /** Listens for as long as the process lives. */
    private final JvmGcMetrics gc = new JvmGcMetrics();

    private final PrometheusMeterRegistry registry = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
    private final Health health;
    private final Latency publishing =
            new Latency("outbox_relay_publish", "Time from giving a message to the broker until it is stored");
    private final Latency endToEnd = new Latency(
            "outbox_relay_end_to_end", "Time from the commit of an event until the broker has stored its message");
    private final Traffic traffic = new Traffic(registry, publishing, endToEnd);
    private final Counter restarts;
    private final Counter brokerRetries;

    private volatile Supplier<OutboxFigures> figures = () -> OutboxFigures.none(Instant.EPOCH);
    private volatile BooleanSupplier leads = () -> false;
    private LongSupplier unsettledBytes = () -> 0;
    private Optional<Current> current = Optional.empty();
    private Totals ended = Totals.NONE;
    private LongSupplier fallbacks = () -> 0;
    private Optional<Aside> aside = Optional.empty();

    /** @param health told as a number too */
    public Metrics(Health health) {
        this.health = health;
        for (Health.State state : Health.State.values()) {
            gauge("state", "What the relay is at: 1 for the state that it is in", () -> isIn(state))
                    .tag("state", state.name().toLowerCase(Locale.ROOT))
                    .register(registry);
        }
        for (boolean log : new boolean[] {true, false}) {
            gauge("mode", "What is read: 1 for the log or the table", () -> reads(log))
                    .tag("mode", log ? "log" : "table")
                    .register(registry);
        }
        counter("fallbacks", "How often the log was left for the table", metrics -> metrics.fallbacks.getAsLong());
        counter(
                "events.settled",
                "Events stored by the broker or put aside",
                metrics -> metrics.total(Totals::settled));
        counter("removed.rows", "Rows deleted or marked after delivery", metrics -> metrics.total(Totals::removed));
        counter(
                "missed.rows",
                "Rows that the log had missed, found in the table and published",
                metrics -> metrics.total(Totals::missed));
        gauge("events.unsettled", "Events read and neither stored nor put aside yet", this::unsettled)
                .register(registry);
        gauge("unsettled", "Memory that they take, roughly", this::unsettledBytes)
                .baseUnit(BaseUnits.BYTES)
                .register(registry);
        restarts = Counter.builder(PREFIX + "restarts")
                .description("How often reading failed and began again")
                .register(registry);
        brokerRetries = Counter.builder(PREFIX + "broker.retries")
                .description("How often a broker failed and another took over what it had not stored")
                .register(registry);
        for (String breaker : BREAKER) {
            gauge(
                            "broker.breaker",
                            "The circuit breaker before the broker: 1 for the state that it is in",
                            () -> isBreaker(breaker))
                    .tag("state", breaker)
                    .register(registry);
        }
        gauge("dead.letters", "Events in the table outbox_dead_letter", () -> ofAside(Aside::letters))
                .register(registry);
        gauge("parked.keys", "Aggregates that are held back by a rejected event", () -> ofAside(Aside::parkedKeys))
                .register(registry);
        for (RejectedException.Kind kind : RejectedException.Kind.values()) {
            rejected(kind);
        }
        ofDatabase();
        ofProcess();
        registry.getPrometheusRegistry().register(publishing);
        registry.getPrometheusRegistry().register(endToEnd);
        gauge("slot.retained", "Log that the server keeps for the replication slot", () -> ofLog(RetainedLog::bytes))
                .baseUnit(BaseUnits.BYTES)
                .register(registry);
        gauge("slot.idle", "Time since the replication slot last moved", () -> ofLog(Metrics::idleSeconds))
                .baseUnit("seconds")
                .register(registry);
        for (String status : WAL_STATUS) {
            gauge(
                            "slot.wal.status",
                            "The replication slot's wal_status: 1 for the one that it has",
                            () -> ofLog(log -> log.walStatus().equals(status) ? 1 : 0))
                    .tag("status", status)
                    .register(registry);
        }
    }

    /** Counts the changes from log to table by what this tells. */
    public synchronized void countFallbacks(LongSupplier count) {
        fallbacks = count;
    }

    /** What the database tells. */
    public void figuresAre(Supplier<OutboxFigures> told) {
        figures = told;
    }

    /** Who does what only one relay may do, by what this tells. */
    public void leaderIs(BooleanSupplier self) {
        leads = self;
    }

    /** Counts what passes through a run. */
    public DeliveryListener listener(Runnable onStreaming) {
        return new DeliveryListener() {
            @Override
            public void streaming() {
                onStreaming.run();
            }

            @Override
            public void read(List<OutboxEvent> events) {
                traffic.read(events);
            }

            @Override
            public void stored(OutboxEvent event, Message message, long nanos) {
                traffic.stored(event, message, nanos);
            }

            @Override
            public void brokerFailed() {
                brokerRetries.increment();
            }
        };
    }

    /** Reading failed, and begins again. */
    public void restarted() {
        restarts.increment();
    }

    /** What has passed until now. */
    public Sample sample() {
        OutboxFigures now = figures.get();
        return new Sample(
                Instant.now(),
                (long) total(Totals::settled),
                traffic.publishedBytes(),
                lagSeconds(),
                ofSlot(now, Slot::lagBytes),
                waitingRows(now),
                endToEnd.counts());
    }

    /**
     * How old the oldest event is that is not sent: by the table where that tells it, else by what was stored last. 0 if
     * there is none, NaN if nobody knows.
     */
    public double lagSeconds() {
        Optional<Waiting> waiting = figures.get().waiting();
        if (waiting.isPresent() && waiting.get().rows() == 0) {
            return 0;
        }
        return waiting.flatMap(Waiting::oldest)
                .map(age -> age.toMillis() / 1000.0)
                .orElseGet(this::lagOfRun);
    }

    private synchronized double lagOfRun() {
        if (current.isEmpty()) {
            return Double.NaN;
        }
        if (current.get().status().get().caughtUp()) {
            return 0;
        }
        long commit = traffic.lastCommit();
        return commit == 0 ? Double.NaN : Math.max(0, System.currentTimeMillis() - commit) / 1000.0;
    }

    /** What the run that has begun tells of the memory that its events take. */
    public synchronized void unsettledBytesAre(LongSupplier bytes) {
        unsettledBytes = bytes;
    }

    /**
     * A run has begun. What it counts begins at nothing.
     *
     * @param readsLog whether it reads the log, and not the table
     * @param breaker the state of the circuit breaker before the broker
     */
    public synchronized void runBegan(
            boolean readsLog,
            Supplier<SourceStatus> status,
            LongSupplier settled,
            LongSupplier unsettled,
            Supplier<String> breaker) {
        runEnded();
        current = Optional.of(new Current(readsLog, status, settled, unsettled, breaker));
    }

    /** What the run that has begun tells of what is put aside. */
    public synchronized void asideIs(LongSupplier letters, LongSupplier parkedKeys) {
        aside = Optional.of(new Aside(letters, parkedKeys));
    }

    /** An event was rejected. */
    public void eventRejected(RejectedException.Kind kind) {
        rejected(kind).increment();
    }

    /** The run, if there is one, has ended, and counts no further. */
    public synchronized void runEnded() {
        aside = Optional.empty();
        current.ifPresent(run -> ended = ended.plus(run));
        current = Optional.empty();
        unsettledBytes = () -> 0;
    }

    /** All metrics, to be looked at by others; who registers one here names and documents it. */
    public MeterRegistry registry() {
        return registry;
    }

    /** All metrics, in the text format of Prometheus. */
    public String text() {
        return registry.scrape(CONTENT_TYPE);
    }

    private synchronized double total(ToLongFunction<Totals> which) {
        return which.applyAsLong(current.map(ended::plus).orElse(ended));
    }

    private synchronized double unsettled() {
        return current.map(run -> run.unsettled().getAsLong()).orElse(0L);
    }

    private synchronized double unsettledBytes() {
        return unsettledBytes.getAsLong();
    }

    private void ofDatabase() {
        gauge("leader", "1 for the relay that does what only one may do", () -> leads.getAsBoolean() ? 1 : 0)
                .register(registry);
        gauge("waiting.rows", "Unsent rows in the table", () -> waitingRows(figures.get()))
                .register(registry);
        gauge("lag.seconds", "How old the oldest event is that is not sent", this::lagSeconds)
                .register(registry);
        gauge(
                        "lag.bytes",
                        "Log between the confirmed position and its end",
                        () -> ofSlot(figures.get(), Slot::lagBytes))
                .register(registry);
        gauge(
                        "slot.active",
                        "Whether somebody streams from the replication slot",
                        () -> ofSlot(figures.get(), slot -> slot.active() ? 1 : 0))
                .register(registry);
    }

    private void ofProcess() {
        new JvmMemoryMetrics().bindTo(registry);
        gc.bindTo(registry);
        new JvmThreadMetrics().bindTo(registry);
        new ProcessorMetrics().bindTo(registry);
        new UptimeMetrics().bindTo(registry);
        Gauge.builder(PREFIX + "build.info", () -> 1)
                .description("What runs: the relay's version and Java's")
                .tag("version", Version.number().orElse("none"))
                .tag("java", Runtime.version().toString())
                .register(registry);
    }

    /** Not a number where nothing is told. */
    private static double ofSlot(OutboxFigures told, ToDoubleFunction<Slot> which) {
        return told.slot().map(which::applyAsDouble).orElse(Double.NaN);
    }

    private static double waitingRows(OutboxFigures told) {
        return told.waiting().map(waiting -> (double) waiting.rows()).orElse(Double.NaN);
    }

    private synchronized double isBreaker(String state) {
        return current.filter(run -> run.breaker().get().equals(state)).isPresent() ? 1 : 0;
    }

    private synchronized double reads(boolean log) {
        return current.filter(run -> run.readsLog() == log).isPresent() ? 1 : 0;
    }

    private double isIn(Health.State state) {
        return health.status().state() == state ? 1 : 0;
    }

    /** Not a number where nothing is kept, or nobody knows. */
    private synchronized double ofLog(ToDoubleFunction<RetainedLog> which) {
        return current.flatMap(run -> run.status().get().log())
                .map(which::applyAsDouble)
                .orElse(Double.NaN);
    }

    /** Not a number where nobody looks. */
    private synchronized double ofAside(Function<Aside, LongSupplier> which) {
        return aside.map(which).map(count -> (double) count.getAsLong()).orElse(Double.NaN);
    }

    private Counter rejected(RejectedException.Kind kind) {
        return Counter.builder(PREFIX + "rejected.events")
                .description("Rejections of events by kind, repeated ones too")
                .tag("kind", kind.name().toLowerCase(Locale.ROOT))
                .register(registry);
    }

    private static double idleSeconds(RetainedLog log) {
        return Duration.between(log.movedAt(), Instant.now()).toMillis() / 1000.0;
    }

    private Gauge.Builder<Supplier<Number>> gauge(String name, String description, Supplier<Number> value) {
        return Gauge.builder(PREFIX + name, value).description(description);
    }

    private void counter(String name, String description, ToDoubleFunction<Metrics> value) {
        FunctionCounter.builder(PREFIX + name, this, value)
                .description(description)
                .register(registry);
    }
}
