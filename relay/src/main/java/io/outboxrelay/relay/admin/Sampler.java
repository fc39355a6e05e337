package io.outboxrelay.relay.admin;

import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;

import io.outboxrelay.relay.ops.Health;
import io.outboxrelay.relay.ops.Latencies;
import io.outboxrelay.relay.ops.Metrics;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Adds a sample to the history every two seconds. Asks nobody but the metrics, which wait for nothing. */
final class Sampler implements AutoCloseable {

    private static final Logger log = LoggerFactory.getLogger(Sampler.class);

    private final Health health;
    private final Metrics metrics;
    private final History history;
    private final ScheduledExecutorService clock = Executors.newSingleThreadScheduledExecutor(task -> {
        Thread thread = new Thread(task, "outbox-relay-history");
        thread.setDaemon(true);
        return thread;
    });

    private Metrics.Sample before;
    private Future<?> sampling = CompletableFuture.completedFuture(null);

    Sampler(Health health, Metrics metrics, History history) {
        this.health = health;
        this.metrics = metrics;
        this.history = history;
        this.before = metrics.sample();
    }

    void start() {
        long millis = History.INTERVAL.toMillis();
        sampling = clock.scheduleAtFixedRate(this::sample, millis, millis, TimeUnit.MILLISECONDS);
    }

    @Override
    public void close() {
        sampling.cancel(true);
        clock.shutdownNow();
    }

    private void sample() {
        try {
            Metrics.Sample now = metrics.sample();
            history.add(between(before, now, health.status().state()));
            before = now;
        } catch (RuntimeException e) {
            // Thrown on, it would end the looking for good.
            log.debug("No sample", e);
        }
    }

    static Sample between(Metrics.Sample before, Metrics.Sample now, Health.State state) {
        double seconds = Math.max(0.001, Duration.between(before.at(), now.at()).toNanos() / 1e9);
        Latencies took = now.endToEnd().since(before.endToEnd());
        return new Sample(
                now.at(),
                state,
                Math.max(0, now.settledEvents() - before.settledEvents()) / seconds,
                Math.max(0, now.publishedBytes() - before.publishedBytes()) / seconds,
                now.lagSeconds(),
                now.lagBytes(),
                took.percentile(0.5),
                took.percentile(0.99));
    }
}
