package io.outboxrelay.relay;

import java.sql.SQLException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

import io.github.resilience4j.core.IntervalFunction;
import io.outboxrelay.api.Code;
import io.outboxrelay.api.Finding;
import io.outboxrelay.api.OutboxDatabase;
import io.outboxrelay.api.SourceFactory;
import io.outboxrelay.relay.config.RelayConfig;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tries to get from the table back to the log, on a thread of its own, while the table is read: waits until the reading
 * has caught up, makes the log ready, and stops the reading. One instance goes with one run of the table; whoever began
 * both looks for {@link #ready} when that run has ended.
 */
final class ReturnToLog {

    private static final Logger log = LoggerFactory.getLogger(ReturnToLog.class);

    private static final Duration LOOK = Duration.ofMillis(100);

    /** A log that is ready keeps a snapshot, and what the server writes: it is given up if events do not flow for so long. */
    private static final Duration READY_LIMIT = Duration.ofSeconds(30);

    /** After so long without any event settled, while some wait, a stop would wait for them. */
    private static final Duration STUCK = Duration.ofSeconds(2);

    /** How often it is tried again to drop what could not be dropped. */
    private static final Duration RETRY_TO_GIVE_UP = Duration.ofSeconds(30);

    private final SourceFactory primary;
    private final OutboxDatabase database;
    private final Duration stopTimeout;
    private final IntervalFunction pauses;
    private final RetainedLogLimit limit;
    private final Run table;
    private final LeftLog left;
    private final CountDownLatch ending = new CountDownLatch(1);
    private final Thread thread = new Thread(this::tryUntilReady, "outbox-relay-return");

    private Optional<Preparation> preparation = Optional.empty();
    private boolean isReady;
    private int failures;

    private boolean leftBehind;
    private long gaveUpAt;
    private long settledBefore;
    private long progressAt = System.nanoTime();

    /**
     * @param pauses milliseconds before the n-th attempt in a row
     * @param limit how much log may be kept meanwhile
     * @param table the run that reads the table
     * @param left what is given up after every attempt that fails
     * @param failures how many attempts in a row have failed
     */
    ReturnToLog(
            RelayConfig config,
            OutboxDatabase database,
            IntervalFunction pauses,
            RetainedLogLimit limit,
            Run table,
            LeftLog left,
            int failures) {
        this.primary = config.source().primary();
        this.database = database;
        this.stopTimeout = config.shutdownTimeout();
        this.pauses = pauses;
        this.limit = limit;
        this.table = table;
        this.left = left;
        this.failures = failures;
        this.thread.setDaemon(true);
    }

    void start() {
        thread.start();
    }

    /** How many attempts in a row have failed. After {@link #end}. */
    int failures() {
        return failures;
    }

    /** The log, if it is ready and the reading of the table was stopped for it. After {@link #end}. */
    Optional<Preparation> ready() {
        return isReady ? preparation : Optional.empty();
    }

    /** Ends the attempts, and waits until they have ended. A log that is ready stays so. */
    void end() throws InterruptedException {
        ending.countDown();
        thread.join();
    }

    private void tryUntilReady() {
        try {
            while (!isEnding()) {
                if (tryOnce()) {
                    isReady = true;
                    if (!table.stop(stopTimeout)) {
                        log.warn(
                                "{} Not all was settled within {}; the rest comes by the log",
                                Code.STOP_UNSETTLED,
                                stopTimeout);
                    }
                    return;
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (RuntimeException e) {
            log.error("{} The return to the log ended; the next run of the table tries again", Code.UNEXPECTED, e);
        } finally {
            if (!isReady) {
                preparation.ifPresent(Preparation::close);
            }
        }
    }

    /** Whether the log is ready, and events flow. */
    private boolean tryOnce() throws InterruptedException {
        try {
            if (preparation.isEmpty()) {
                awaitTheMoment();
                if (isEnding() || !isFit()) {
                    return false;
                }
                preparation = Optional.of(Preparation.of(primary.open(database)));
            }
            RetainedLogLook kept = look();
            while (!isEnding() && !preparation.get().await(LOOK)) {
                watchFlow();
                requireRoom(kept);
            }
            long readyAt = System.nanoTime();
            while (!isEnding() && System.nanoTime() - readyAt < READY_LIMIT.toNanos()) {
                if (flows()) {
                    return true;
                }
                requireRoom(kept);
                pause(LOOK);
            }
            if (!isEnding()) {
                log.warn(
                        "{} The log is ready, but events do not flow: it is given up until they do",
                        Code.RETURN_GIVEN_UP);
                failed();
            }
        } catch (InterruptedException e) {
            throw e;
        } catch (Exception e) {
            if (!isEnding()) {
                log.debug("The log could not be made ready", e);
                table.reason("the log cannot be read: " + Diagnosis.of(e));
                failed();
            }
        }
        return false;
    }

    /** What is being made ready keeps log already, for as long as the server waits for older transactions. */
    private void requireRoom(RetainedLogLook kept) throws AbortedException {
        Optional<String> excess = kept.excess();
        if (excess.isPresent()) {
            throw new AbortedException(
                    Code.LOG_LIMIT,
                    excess.get()
                            + ", while it is made ready. Remedy: end the transactions that have been open for long",
                    false);
        }
    }

    /** The table is being read: the log can always be given up. */
    private RetainedLogLook look() {
        return new RetainedLogLook(primary, database, limit, () -> true);
    }

    private boolean isFit() throws SQLException {
        List<Finding> errors = SourcesCheck.errors(primary.check(database));
        if (errors.isEmpty()) {
            return true;
        }
        table.reason("the log cannot be read: " + SourcesCheck.text(errors));
        failures++;
        return false;
    }

    private void failed() {
        failures++;
        preparation.ifPresent(Preparation::close);
        preparation = Optional.empty();
        giveUp();
    }

    private void giveUp() {
        gaveUpAt = System.nanoTime();
        try {
            leftBehind = !left.giveUp();
        } catch (SQLException e) {
            log.debug("The log's position could not be given up", e);
            leftBehind = true;
        }
    }

    private void awaitTheMoment() throws InterruptedException {
        long due = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(pauses.apply(failures + 1));
        RetainedLogLook kept = look();
        while (!isEnding() && (System.nanoTime() - due < 0 || !table.status().caughtUp() || !flows())) {
            boolean isDue = leftBehind
                    ? System.nanoTime() - gaveUpAt > RETRY_TO_GIVE_UP.toNanos()
                    : kept.excess().isPresent();
            if (isDue) {
                giveUp();
            }
            pause(LOOK);
        }
    }

    /** Whether nothing keeps events from being settled, so that a stop will not take long. */
    private boolean flows() throws InterruptedException {
        watchFlow();
        return table.isStreaming()
                && !table.delivery().isWithoutBroker()
                && table.delivery().halted().isEmpty()
                && System.nanoTime() - progressAt < STUCK.toNanos();
    }

    private void watchFlow() {
        long settled = table.delivery().settledEvents();
        if (settled != settledBefore || table.delivery().unsettledEvents() == 0) {
            progressAt = System.nanoTime();
        }
        settledBefore = settled;
    }

    private boolean isEnding() {
        return ending.getCount() == 0;
    }

    private void pause(Duration pause) throws InterruptedException {
        if (ending.await(pause.toMillis(), TimeUnit.MILLISECONDS)) {
            log.debug("The reading of the table has ended");
        }
    }
}
