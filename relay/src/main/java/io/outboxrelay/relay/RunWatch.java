package io.outboxrelay.relay;

import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;

import io.outboxrelay.api.Code;
import io.outboxrelay.api.SourceStatus.RetainedLog;
import io.outboxrelay.relay.deadletter.Redrive;
import io.outboxrelay.relay.delivery.Aside;
import io.outboxrelay.relay.delivery.Delivery;
import io.outboxrelay.relay.delivery.HaltedEvent;
import io.outboxrelay.relay.ops.Health;
import io.outboxrelay.relay.ops.Health.Probe;
import io.outboxrelay.relay.ops.Health.Trouble;
import io.outboxrelay.relay.ops.Supervision;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Looks at one run once a second: tells its health by what is really settled, and passes on the operator's word. What is
 * put aside is looked after meanwhile.
 */
final class RunWatch implements AutoCloseable {

    private static final Logger log = LoggerFactory.getLogger(RunWatch.class);

    /** Looks without any answer of the broker, while messages wait for one, before it counts as stalled. */
    private static final int LOOKS_UNTIL_STALLED = 5;

    /** Nothing came from the log, not even a heartbeat, although it writes one a second. */
    private static final Duration SILENCE = Duration.ofSeconds(10);

    /** A look asks the database, and may wait for all its time-outs. */
    private static final Duration STUCK = Duration.ofMinutes(2);

    private static final String BROKER = "broker";
    private static final String SOURCE = "source";
    private static final String WATCH = "watch";

    private final Run run;
    private final Delivery delivery;
    private final OperatorRequests requests;
    private final Optional<Redrive> redrive;
    private final Health health;

    /**
     * Looks until the broker is given up for another one. Its client retries by itself, but one that knows only addresses
     * that are gone, or whose thread has died, does so in vain.
     */
    private final long looksUntilReplaced;

    private final ScheduledExecutorService clock;

    private Future<?> looking = CompletableFuture.completedFuture(null);
    private boolean ended;
    private long answersBefore;
    private int looksWithoutAnswer;
    private String toldOfRequests = "";
    private long settledBefore;
    private Optional<Instant> movedBefore = Optional.empty();
    private long movedAt = System.nanoTime();
    private final Supervision supervision = new Supervision("the look after the run", STUCK, System::nanoTime);
    private volatile Optional<Trouble> brokerTrouble = Optional.empty();
    private volatile Optional<Trouble> sourceTrouble = Optional.empty();

    /** @param redrive looks after what is put aside; empty where nothing can be */
    RunWatch(
            Run run,
            OperatorRequests requests,
            Optional<Redrive> redrive,
            Health health,
            Duration replaceAfter,
            ScheduledExecutorService clock) {
        this.run = run;
        this.delivery = run.delivery();
        this.requests = requests;
        this.redrive = redrive;
        this.health = health;
        this.looksUntilReplaced = Math.max(1, replaceAfter.toSeconds());
        this.clock = clock;
    }

    synchronized void start() {
        supervision.busy();
        health.look(Probe.READY, BROKER, () -> brokerTrouble);
        health.look(Probe.READY, SOURCE, () -> sourceTrouble);
        health.look(Probe.LIVE, WATCH, supervision::trouble);
        looking = clock.scheduleWithFixedDelay(this::look, 1, 1, TimeUnit.SECONDS);
        redrive.ifPresent(Redrive::start);
    }

    /** After this the health is left alone. */
    @Override
    public void close() {
        looking.cancel(true);
        List.of(BROKER, SOURCE, WATCH).forEach(health::forget);
        redrive.ifPresent(Redrive::close);
        synchronized (this) {
            ended = true;
        }
    }

    /** Tells the health of a run in which nothing is wrong. */
    static void tellAtWork(Run run, Health health) {
        tellAtWork(run, 0, health);
    }

    private static void tellAtWork(Run run, long parkedKeys, Health health) {
        long missed = run.status().missed();
        List<String> reasons = new ArrayList<>();
        boolean insteadOfLog =
                run.mode() == LogOrTable.Mode.TABLE && !run.reason().isEmpty();
        if (insteadOfLog) {
            reasons.add(run.reason());
        }
        if (missed > 0) {
            reasons.add(missed + " rows had been missed by the log; they were found in the table and published");
        }
        if (parkedKeys > 0) {
            reasons.add(parkedKeys + " aggregate(s) are parked: see outbox-relay dead-letters list");
        }
        Health.State state = run.mode() == LogOrTable.Mode.LOG ? Health.State.STREAMING : Health.State.POLLING;
        if (insteadOfLog) {
            health.is(state, Code.LOG_LEFT, String.join("; ", reasons));
        } else if (missed > 0) {
            health.is(state, Code.ROWS_MISSED, String.join("; ", reasons));
        } else if (parkedKeys > 0) {
            health.is(state, Code.DEAD_LETTERS_THERE, String.join("; ", reasons));
        } else {
            health.is(state, "");
        }
    }

    private synchronized void look() {
        supervision.busy(); // Also while it looks at nothing: a stop may take long.
        try {
            if (ended || health.status().state() == Health.State.STOPPING) {
                return;
            }
            Optional<String> unexpected = delivery.unexpected();
            if (unexpected.isPresent()) {
                ended = true;
                run.abort(new AbortedException(Code.UNEXPECTED, "delivery failed: " + unexpected.get(), false));
                return;
            }
            replaceSilentBroker();
            brokerTrouble = brokerTrouble();
            sourceTrouble = sourceTrouble();
            List<HaltedEvent> halted = delivery.halted();
            tellHealth(halted);
            if (!halted.isEmpty()) {
                requests.apply(delivery, halted);
                toldOfRequests = "";
            }
        } catch (SQLException e) {
            String why = Diagnosis.of(e).text();
            if (!why.equals(toldOfRequests)) {
                log.warn("{} The operator's word cannot be read: {}", Code.REQUESTS_UNREADABLE, why);
                toldOfRequests = why;
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (RuntimeException | Error e) {
            // Thrown on, it would end the looking for good, without a word.
            log.error("{} Looking after the run failed", Code.UNEXPECTED, e);
        }
    }

    private void tellHealth(List<HaltedEvent> halted) {
        if (!halted.isEmpty()) {
            health.is(Health.State.HALTED, Code.EVENT_HALTED, describe(halted));
        } else if (delivery.payloadsFailure().isPresent()) {
            health.is(
                    Health.State.WAITING,
                    Code.PAYLOADS_UNSTORED,
                    "payloads cannot be stored in the database: "
                            + delivery.payloadsFailure().get());
        } else if (asideFailure().isPresent()) {
            health.is(
                    Health.State.WAITING,
                    Code.DEAD_LETTERS_UNSTORED,
                    "rejected events cannot be put aside: " + asideFailure().get());
        } else if (brokerTrouble.isPresent()) {
            Trouble broker = brokerTrouble.get();
            health.is(Health.State.WAITING, broker.code(), broker.text());
        } else if (run.isStreaming()) {
            tellAtWork(run, redrive.map(look -> look.counts().parkedKeys()).orElse(0L), health);
        }
    }

    private Optional<Trouble> brokerTrouble() {
        if (delivery.isWithoutBroker()) {
            return Optional.of(
                    delivery.isBrokerSuspect()
                            ? new Trouble(
                                    Code.BROKER_DEAD,
                                    "the broker failed several times in a row; single messages probe it, and all"
                                            + " others wait")
                            : new Trouble(Code.BROKER_FAILED, "the broker failed and is being opened again"));
        }
        return looksWithoutAnswer >= LOOKS_UNTIL_STALLED
                ? Optional.of(new Trouble(
                        Code.BROKER_SILENT,
                        "messages wait, and the broker has answered nothing for " + LOOKS_UNTIL_STALLED + " s"))
                : Optional.empty();
    }

    /** While events are on their way, it is they that the position waits for. */
    private Optional<Trouble> sourceTrouble() {
        long settled = delivery.settledEvents();
        Optional<Instant> moved = run.status().log().map(RetainedLog::movedAt);
        boolean isAtWork = !run.isStreaming() || delivery.unsettledEvents() > 0 || settled != settledBefore;
        if (isAtWork || moved.isEmpty() || !moved.equals(movedBefore)) {
            settledBefore = settled;
            movedBefore = moved;
            movedAt = System.nanoTime();
            return Optional.empty();
        }
        Duration silent = Duration.ofNanos(System.nanoTime() - movedAt);
        return silent.compareTo(SILENCE) < 0
                ? Optional.empty()
                : Optional.of(new Trouble(
                        Code.STREAM_STALLED,
                        "nothing has come from the log for " + silent.toSeconds() + " s, not even a heartbeat"));
    }

    private Optional<String> asideFailure() {
        return delivery.aside().flatMap(Aside::failure);
    }

    private void replaceSilentBroker() {
        long answers = delivery.answers();
        boolean silent = answers == answersBefore && delivery.unansweredMessages() > 0;
        answersBefore = answers;
        looksWithoutAnswer = silent ? looksWithoutAnswer + 1 : 0;
        if (silent && looksWithoutAnswer % looksUntilReplaced == 0) {
            log.warn(
                    "{} The broker has answered nothing for {} s: opening another one",
                    Code.BROKER_SILENT,
                    looksWithoutAnswer);
            delivery.replaceBroker();
        }
    }

    private static String describe(List<HaltedEvent> halted) {
        HaltedEvent first = halted.get(0);
        return halted.size() + " aggregate(s) wait for an operator; the first at " + first.event() + ": "
                + first.reason();
    }
}
