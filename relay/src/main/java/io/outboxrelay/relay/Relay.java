package io.outboxrelay.relay;

import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;

import io.github.resilience4j.core.IntervalFunction;
import io.outboxrelay.api.Code;
import io.outboxrelay.api.Finding;
import io.outboxrelay.api.OutboxDatabase;
import io.outboxrelay.api.SourceBusyException;
import io.outboxrelay.relay.claimcheck.StoredPayloads;
import io.outboxrelay.relay.config.DeliverySettings;
import io.outboxrelay.relay.config.RateLimitSettings;
import io.outboxrelay.relay.config.RelayConfig;
import io.outboxrelay.relay.delivery.BrokerRetry;
import io.outboxrelay.relay.delivery.Delivery;
import io.outboxrelay.relay.delivery.Limits;
import io.outboxrelay.relay.delivery.Payloads;
import io.outboxrelay.relay.delivery.RateLimit;
import io.outboxrelay.relay.delivery.Rejections;
import io.outboxrelay.relay.delivery.Router;
import io.outboxrelay.relay.delivery.Tracing;
import io.outboxrelay.relay.ops.Health;
import io.outboxrelay.relay.ops.Metrics;
import io.outboxrelay.relay.ops.Supervision;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps one run of a source going after another until it is told to stop: takes the outbox's lock, checks, opens source
 * and delivery, and when they end closes both and begins again, after a failure with a pause. Which source reads is
 * {@link LogOrTable}'s to say.
 */
public final class Relay {

    private static final Logger log = LoggerFactory.getLogger(Relay.class);

    private static final Duration STANDBY_PAUSE = Duration.ofMillis(250);

    /** A run that lasted so long counts as healthy: the pause after it begins small again. */
    private static final long HEALTHY_NANOS = TimeUnit.SECONDS.toNanos(60);

    /** Longer than all the time-outs together that a start or an end may have to wait for. */
    private static final Duration STUCK = Duration.ofMinutes(5);

    private final RelayConfig config;
    private final OutboxDatabase database;
    private final Health health;
    private final Metrics metrics;
    private final Tracing tracing;
    private final LogOrTable sources;
    private final Supervision supervision = new Supervision("the loop over the runs", STUCK, System::nanoTime);
    private final RetainedLogLimit logLimit;
    private final RetainedLogLook idleLog;
    private final RejectedEvents rejected;
    private final IntervalFunction restartPause;
    private final RateLimit rate;
    private final CountDownLatch stopping = new CountDownLatch(1);
    private final CountDownLatch ended = new CountDownLatch(1);

    /** From the beginning of {@link #run}. */
    private volatile Optional<OutboxLock> taken = Optional.empty();

    private Optional<Run> running = Optional.empty();
    private volatile boolean everUseful;
    private int failures;

    /** Whether one that held the lock before may still be reading. */
    private boolean othersMayRead;

    /** What the last check found; empty when it has to be asked again. */
    private Optional<Preflight> checked = Optional.empty();

    /** The findings that were logged, and are not logged again while they stay. */
    private List<Finding> told = List.of();

    /**
     * @param config what to relay, and where
     * @param database where the outbox is; stays open
     * @param health told of every change
     * @param metrics told of every run
     * @param tracing told of every event
     */
    public Relay(RelayConfig config, OutboxDatabase database, Health health, Metrics metrics, Tracing tracing) {
        this.config = config;
        this.database = database.under(this::holdsLock);
        this.health = health;
        this.metrics = metrics;
        this.tracing = tracing;
        this.sources = new LogOrTable(config.source(), this.database, System::nanoTime);
        this.logLimit = new RetainedLogLimit(config.source().maxRetainedLog());
        this.idleLog = new RetainedLogLook(config.source().primary(), this.database, logLimit, sources::canLeave);
        this.rejected = new RejectedEvents(config.delivery().rejection(), this.database, metrics);
        this.restartPause = pauses(config.restart().initial(), config.restart().max());
        RateLimitSettings limit = config.delivery().rateLimit();
        this.rate = limit.isOn() ? RateLimit.of(limit.eventsPerSecond(), limit.burst()) : RateLimit.NONE;
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
        health.look(Health.Probe.LIVE, "supervisor", supervision::trouble);
        metrics.countFallbacks(sources::fallbacks);
        try (OutboxLock lock =
                new OutboxLock(database, config.source().primary().isShared(), this::lockLost)) {
            taken = Optional.of(lock);
            metrics.leaderIs(lock::isLeader);
            return runUntilStopped(lock, clock);
        } finally {
            supervision.waits();
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
        Optional<Run> run = running();
        if (run.isPresent() && !run.get().stop(config.shutdownTimeout())) {
            log.warn(
                    "{} Not all was settled within shutdown.timeout = {}; the rest is relayed by the next start",
                    Code.STOP_UNSETTLED,
                    config.shutdownTimeout());
        }
        run.ifPresent(Run::close);
        ended.await();
    }

    private int runUntilStopped(OutboxLock lock, ScheduledExecutorService clock) throws InterruptedException {
        try (sources) {
            return runAgainAndAgain(lock, clock);
        }
    }

    private int runAgainAndAgain(OutboxLock lock, ScheduledExecutorService clock) throws InterruptedException {
        while (!isStopping()) {
            long began = System.nanoTime();
            supervision.busy();
            try {
                take(lock);
                sources.giveUpLeftLog();
                runOnce(lock, clock);
                checked = Optional.empty();
            } catch (InterruptedException e) {
                throw e;
            } catch (Exception e) {
                if (isStopping()) {
                    break;
                }
                Diagnosis diagnosis = Diagnosis.of(e);
                log.debug("The run ended", e);
                if (!everUseful && !diagnosis.waitingMends()) {
                    health.is(Health.State.FAILED, diagnosis.code(), diagnosis.text());
                    return 1;
                }
                health.is(diagnosis.state(), diagnosis.code(), diagnosis.text());
                if (diagnosis.state() != Health.State.STANDBY) {
                    metrics.restarted();
                }
                pauseAfter(diagnosis, began, lock);
            }
        }
        return 0;
    }

    /** A relay that stands by finds out at its start, too, whether it could work. */
    private void take(OutboxLock lock) throws Exception {
        try {
            if (lock.take()) {
                checked = Optional.empty();
                // Made ready under a lock that was lost since: others may have read meanwhile.
                sources.close();
                othersMayRead = true;
            }
        } catch (SourceBusyException e) {
            sources.close();
            check();
            throw e;
        }
    }

    /** Asks, unless it is known. */
    private SourcesCheck check() throws Exception {
        if (checked.isEmpty()) {
            Preflight preflight = Preflight.of(config, database);
            List<Finding> findings = preflight.findings();
            findings.stream().filter(finding -> !told.contains(finding)).forEach(finding -> {
                switch (finding.level()) {
                    case OK -> log.debug("{}", finding);
                    case WARNING -> log.warn("{} {}", finding.code().orElseThrow(), finding.line());
                    case ERROR -> log.debug("{}", finding); // Said once, by the health that they make.
                }
            });
            told = findings;
            if (!preflight.errors().isEmpty()) {
                throw new UnfitException(preflight.errors());
            }
            checked = Optional.of(preflight);
        }
        return checked.get().sources();
    }

    /** That the log is left for the table is no failure: the next run begins at once. */
    private void runOnce(OutboxLock lock, ScheduledExecutorService clock) throws Exception {
        Optional<SourcesCheck> found = sources.isReadyForLog() ? Optional.empty() : Optional.of(check());
        if (othersMayRead && found.filter(SourcesCheck::primaryWorks).isPresent()) {
            config.source().primary().takeOver(database);
            othersMayRead = false;
        }
        Rejections rejections = rejected.begin(lock.fence());
        LogOrTable.Mode mode = LogOrTable.Mode.LOG;
        try {
            LogOrTable.Next next = found.isPresent() ? sources.next(found.get()) : sources.readyLog();
            mode = next.mode();
            run(next, rejections, lock, clock);
        } catch (InterruptedException e) {
            throw e;
        } catch (Exception e) {
            if (mode == LogOrTable.Mode.TABLE || isStopping() || !isLeft(e)) {
                throw e;
            }
            log.debug("The run of the log ended", e);
        }
    }

    /** Whether the log, which failed, is left for the table. */
    private boolean isLeft(Exception e) {
        return e instanceof AbortedException aborted
                ? aborted.leavesLog() && sources.leave(aborted.code() + " " + aborted.getMessage())
                : sources.logFailed(e, Diagnosis.of(e));
    }

    private void run(LogOrTable.Next next, Rejections rejections, OutboxLock lock, ScheduledExecutorService clock)
            throws Exception {
        try (Run run = open(next, rejections, lock, clock);
                RunWatch watch = new RunWatch(
                        run,
                        new OperatorRequests(database),
                        rejected.redrive(rejections, run.delivery(), lock::leads),
                        health,
                        config.delivery().retry().replaceAfter(),
                        clock);
                BrokerFiles files = new BrokerFiles(config.broker(), run.delivery()::renewBroker);
                RetainedLogWatch logWatch = new RetainedLogWatch(run, logLimit, sources::canLeave)) {
            watch.start();
            files.start();
            logWatch.start(clock);
            supervision.waits();
            try {
                if (next.wantsLog()) {
                    executeUntilLogIsReady(run);
                } else {
                    run.execute();
                }
            } finally {
                supervision.busy(); // With the end of the run, which comes by itself.
            }
        } finally {
            forget();
        }
    }

    private void executeUntilLogIsReady(Run table) throws Exception {
        ReturnToLog back = new ReturnToLog(
                config, database, restartPause, logLimit, table, sources.leftLog(), sources.failedReturns());
        back.start();
        try {
            table.execute();
        } finally {
            back.end();
            sources.failedReturns(back.failures());
            back.ready().ifPresent(sources::returnToLog);
        }
    }

    private synchronized Run open(
            LogOrTable.Next next, Rejections rejections, OutboxLock lock, ScheduledExecutorService clock)
            throws AbortedException {
        if (isStopping()) {
            throw new AbortedException(Code.RUN_FAILED, "told to stop before the source was open", false);
        }
        Run run = new Run(
                next.mode(),
                next.reason(),
                next.opening().get(),
                streaming -> delivery(rejections, clock, streaming),
                this::streaming);
        running = Optional.of(run);
        metrics.runBegan(
                next.mode() == LogOrTable.Mode.LOG,
                run::status,
                run.delivery()::settledEvents,
                run.delivery()::unsettledEvents,
                run.delivery()::breaker);
        metrics.unsettledBytesAre(run.delivery()::unsettledBytes);
        if (!lock.isHeld()) {
            run.abort(lockIsLost());
        }
        return run;
    }

    private Delivery delivery(Rejections rejections, ScheduledExecutorService clock, Runnable streaming) {
        DeliverySettings settings = config.delivery();
        return new Delivery(
                new Router(settings.topic(), settings.key(), settings.headers(), settings.nullPayload()),
                tracing,
                rejections,
                payloads(settings),
                config.broker()::open,
                new Limits(settings.maxInFlight(), settings.maxInFlightBytes()),
                rate,
                new BrokerRetry(
                        pauses(settings.retry().initial(), settings.retry().max()),
                        settings.retry().probeAfter(),
                        System::nanoTime),
                clock,
                metrics.listener(streaming));
    }

    private Optional<Payloads> payloads(DeliverySettings settings) {
        return settings.claimCheck().isUsed()
                ? Optional.of(StoredPayloads.open(
                        database,
                        settings.claimCheck(),
                        pauses(settings.retry().initial(), settings.retry().max())))
                : Optional.empty();
    }

    private void streaming(Run run) {
        everUseful = true;
        if (!isStopping()) {
            RunWatch.tellAtWork(run, health);
        }
    }

    private boolean holdsLock(Connection connection) throws SQLException {
        return taken.isPresent() && taken.get().fence().holds(connection);
    }

    /** Called when others may read from now on. */
    private void lockLost() {
        running().ifPresent(run -> run.abort(lockIsLost()));
    }

    private AbortedException lockIsLost() {
        return new AbortedException(
                Code.LOCK_LOST, "the lock on " + database.table() + " is lost, and is taken again", false);
    }

    private synchronized Optional<Run> running() {
        return running;
    }

    private synchronized void forget() {
        running.filter(run -> run.mode() == LogOrTable.Mode.LOG && run.isStreaming())
                .ifPresent(run -> sources.logStreamed(run.streamedFor()));
        running = Optional.empty();
        metrics.runEnded();
    }

    private boolean isStopping() {
        return stopping.getCount() == 0;
    }

    private void pauseAfter(Diagnosis diagnosis, long began, OutboxLock lock) throws InterruptedException {
        if (diagnosis.state() == Health.State.STANDBY) {
            everUseful = true;
            failures = 0;
            pause(STANDBY_PAUSE);
            return;
        }
        checked = Optional.empty();
        failures = System.nanoTime() - began > HEALTHY_NANOS ? 1 : failures + 1;
        Duration pause = Duration.ofMillis(restartPause.apply(failures));
        pauseAndLook(
                sources.untilTable().filter(left -> left.compareTo(pause) < 0).orElse(pause), lock);
    }

    /** No run looks after the log meanwhile, and a broker may be down for hours. */
    private void pauseAndLook(Duration pause, OutboxLock lock) throws InterruptedException {
        long end = System.nanoTime() + pause.toNanos();
        do {
            if (lock.isHeld()) {
                idleLog.excess().ifPresent(sources::giveUpLog);
            }
            long left = Math.min(end - System.nanoTime(), RetainedLogLook.PAUSE.toNanos());
            pause(Duration.ofNanos(Math.max(0, left)));
        } while (!isStopping() && System.nanoTime() - end < 0);
    }

    private void pause(Duration pause) throws InterruptedException {
        supervision.waits();
        if (stopping.await(pause.toMillis(), TimeUnit.MILLISECONDS)) {
            log.debug("Told to stop while waiting");
        }
    }

    private static IntervalFunction pauses(Duration initial, Duration max) {
        return IntervalFunction.ofExponentialRandomBackoff(initial, 2.0, 0.5, max);
    }
}
