package io.outboxrelay.relay.chaos;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;

import io.outboxrelay.testkit.workload.Workload;
import org.awaitility.Awaitility;
import org.awaitility.core.ConditionTimeoutException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Injects one fault after another, each once the scene has recovered from the one before, and keeps what happened. */
final class Campaign implements AutoCloseable {

    private static final Logger log = LoggerFactory.getLogger(Campaign.class);

    /** Longer than any time-out; whatever takes longer stands still. */
    private static final Duration RECOVERY_LIMIT = Duration.ofMinutes(2);

    private final Scene scene;
    private final Workload workload;
    private final Arrivals arrivals;
    private final Injector injector;
    private final long began = System.nanoTime();
    private final List<Sample> samples = new ArrayList<>();
    private final List<Outcome> outcomes = new ArrayList<>();
    private final List<Fault> skipped = new ArrayList<>();
    private final ScheduledExecutorService clock = Executors.newSingleThreadScheduledExecutor(task -> {
        Thread thread = new Thread(task, "samples");
        thread.setDaemon(true);
        return thread;
    });

    private final Future<?> sampling;

    Campaign(Scene scene, Workload workload, Arrivals arrivals) {
        this.scene = scene;
        this.workload = workload;
        this.arrivals = arrivals;
        this.injector = new Injector(scene);
        sampling = clock.scheduleAtFixedRate(this::sample, 0, 1, TimeUnit.SECONDS);
    }

    /**
     * Injects a fault and waits for the recovery. One that this machine does not allow is skipped.
     *
     * @throws AssertionError if there is no recovery
     */
    void endure(Fault fault) throws Exception {
        if (!injector.canInject(fault.kind())) {
            skipped.add(fault);
            return;
        }
        Probe reader = scene.probe(scene.leader());
        log.info("Fault {}", fault);
        scene.relays().forEach(relay -> relay.note("fault " + fault));
        long broken = System.nanoTime();
        injector.inject(fault);
        long mended = System.nanoTime();
        scene.relays().forEach(relay -> relay.note("mended " + fault.kind()));
        int committed = workload.committed();
        String mark = scene.mark();
        await(fault, () -> arrivals.has(mark) && arrivals.distinct() + scene.putAside() >= committed);
        long delivered = System.nanoTime();
        await(fault, scene::isWhole);
        long whole = System.nanoTime();
        outcomes.add(new Outcome(
                fault,
                Duration.ofNanos(broken - began),
                Duration.ofNanos(mended - began),
                Duration.ofNanos(delivered - mended),
                reader.unreadyAfter(broken),
                Duration.ofNanos(whole - mended)));
    }

    Duration elapsed() {
        return Duration.ofNanos(System.nanoTime() - began);
    }

    synchronized List<Sample> samples() {
        return List.copyOf(samples);
    }

    List<Outcome> outcomes() {
        return List.copyOf(outcomes);
    }

    List<Fault> skipped() {
        return List.copyOf(skipped);
    }

    @Override
    public void close() {
        sampling.cancel(false);
        clock.shutdownNow();
    }

    private void await(Fault fault, Callable<Boolean> recovered) {
        try {
            Awaitility.await("recovery")
                    .atMost(RECOVERY_LIMIT)
                    .pollInterval(Duration.ofMillis(20))
                    .until(recovered);
        } catch (ConditionTimeoutException e) {
            scene.relays().stream().filter(ChaosRelay::isAlive).forEach(ChaosRelay::dumpThreads);
            throw new AssertionError(
                    "no recovery within " + RECOVERY_LIMIT.toSeconds() + " s after fault " + fault + ": the relays are "
                            + scene.states() + ", " + workload.committed() + " events committed, "
                            + arrivals.distinct() + " delivered",
                    e);
        }
    }

    private synchronized void sample() {
        samples.add(new Sample(elapsed(), workload.committed(), arrivals.distinct(), arrivals.duplicates()));
    }
}
