package io.outboxrelay.relay;

import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;

import io.github.resilience4j.core.IntervalFunction;
import io.outboxrelay.api.Finding;
import io.outboxrelay.api.OutboxDatabase;
import io.outboxrelay.api.OutboxSource;
import io.outboxrelay.relay.config.DeliverySettings;
import io.outboxrelay.relay.config.OnRejected;
import io.outboxrelay.relay.config.RelayConfig;
import io.outboxrelay.relay.delivery.Delivery;
import io.outboxrelay.relay.delivery.Limits;
import io.outboxrelay.relay.delivery.Router;
import io.outboxrelay.relay.ops.Health;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps one run of the source going after another until it is told to stop: checks, opens source and delivery, and when
 * they fail closes both and begins again after a pause. Nothing but the position outlives a run.
 */
public final class Relay {

    private static final Logger log = LoggerFactory.getLogger(Relay.class);

    private static final Duration STANDBY_PAUSE = Duration.ofSeconds(1);

    /** A run that lasted so long counts as healthy: the pause after it begins small again. */
    private static final long HEALTHY_NANOS = TimeUnit.SECONDS.toNanos(60);

    private final RelayConfig config;
    private final OutboxDatabase database;
    private final Health health;
    private final IntervalFunction restartPause;
    private final CountDownLatch stopping = new CountDownLatch(1);
    private final CountDownLatch ended = new CountDownLatch(1);

    private OutboxSource running;
    private volatile boolean everUseful;

    /** The findings of the last check, which are not logged again while they stay. */
    private List<Finding> told = List.of();

    /**
     * @param config what to relay, and where
     * @param database where the outbox is; stays open
     * @param health told of every change
     */
    public Relay(RelayConfig config, OutboxDatabase database, Health health) {
        this.config = config;
        this.database = database;
        this.health = health;
        this.restartPause = pauses(config.restart().initial(), config.restart().max());
    }

    /**
     * Relays until {@link #stop} is called. Blocks.
     *
     * @return the exit code: 0 after {@link #stop}; 1 if the first start failed for a reason that waiting does not mend
     */
    public int run() throws InterruptedException {
        ScheduledExecutorService clock = Executors.newScheduledThreadPool(2, task -> {
            Thread thread = new Thread(task, "outbox-relay-clock");
            thread.setDaemon(true);
            return thread;
        });
        try {
            return runUntilStopped(clock);
        } finally {
            clock.shutdownNow();
            ended.countDown();
        }
    }

    /**
     * Ends {@link #run} in good order: settles what is in flight within {@code shutdown.timeout} and moves the position
     * over it. Blocks until it has ended.
     */
    public void stop() throws InterruptedException {
        health.is(Health.State.STOPPING, "");
        stopping.countDown();
        Optional<OutboxSource> source = running();
        if (source.isPresent() && !source.get().stop(config.shutdownTimeout())) {
            log.warn(
                    "Not all was settled within shutdown.timeout = {}; the rest is relayed by the next start",
                    config.shutdownTimeout());
        }
        source.ifPresent(OutboxSource::close);
        ended.await();
    }

    private int runUntilStopped(ScheduledExecutorService clock) throws InterruptedException {
        int failures = 0;
        boolean checked = false;
        while (!isStopping()) {
            long began = System.nanoTime();
            try {
                if (!checked) {
                    check();
                    checked = true;
                }
                stream(clock);
            } catch (InterruptedException e) {
                throw e;
            } catch (Exception e) {
                if (isStopping()) {
                    break;
                }
                Diagnosis diagnosis = Diagnosis.of(e);
                log.debug("The run ended", e);
                if (!everUseful && !diagnosis.waitingMends()) {
                    health.is(Health.State.FAILED, diagnosis.text());
                    return 1;
                }
                health.is(diagnosis.state(), diagnosis.text());
                checked = diagnosis.state() == Health.State.STANDBY;
                everUseful |= checked;
                if (checked) {
                    failures = 0;
                    pause(STANDBY_PAUSE);
                } else {
                    failures = System.nanoTime() - began > HEALTHY_NANOS ? 1 : failures + 1;
                    pause(Duration.ofMillis(restartPause.apply(failures)));
                }
            }
        }
        return 0;
    }

    private void check() throws Exception {
        Preflight preflight = Preflight.of(config, database);
        preflight.findings().stream().filter(finding -> !told.contains(finding)).forEach(finding -> {
            switch (finding.level()) {
                case OK -> log.debug("{}", finding);
                case WARNING -> log.warn("{}", finding);
                case ERROR -> log.debug("{}", finding); // Said once, by the health that they make.
            }
        });
        told = preflight.findings();
        if (!preflight.passed()) {
            throw new UnfitException(preflight.errors());
        }
    }

    private void stream(ScheduledExecutorService clock) throws Exception {
        DeliverySettings settings = config.delivery();
        try (Delivery delivery = new Delivery(
                        new Router(settings.topic(), settings.key(), settings.headers()),
                        settings.onRejected() == OnRejected.DEAD_LETTER
                                ? Optional.of(settings.deadLetterTopic())
                                : Optional.empty(),
                        config.broker()::open,
                        new Limits(settings.maxInFlight(), settings.maxInFlightBytes()),
                        pauses(settings.retryInitial(), settings.retryMax()),
                        clock,
                        this::streaming);
                RunWatch watch = new RunWatch(delivery, new OperatorRequests(database), health, clock);
                OutboxSource opened = open()) {
            watch.start();
            opened.run(delivery);
        } finally {
            forget();
        }
    }

    private void streaming() {
        everUseful = true;
        if (!isStopping()) {
            health.is(Health.State.STREAMING, "");
        }
    }

    private synchronized OutboxSource open() {
        if (isStopping()) {
            throw new IllegalStateException("told to stop before the source was open");
        }
        running = config.source().open(database);
        return running;
    }

    private synchronized Optional<OutboxSource> running() {
        return Optional.ofNullable(running);
    }

    private synchronized void forget() {
        running = null;
    }

    private boolean isStopping() {
        return stopping.getCount() == 0;
    }

    private void pause(Duration pause) throws InterruptedException {
        if (stopping.await(pause.toMillis(), TimeUnit.MILLISECONDS)) {
            log.debug("Told to stop while waiting");
        }
    }

    private static IntervalFunction pauses(Duration initial, Duration max) {
        return IntervalFunction.ofExponentialRandomBackoff(initial, 2.0, 0.5, max);
    }
}
