package io.outboxrelay.relay;

import java.sql.SQLException;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;

import io.outboxrelay.relay.delivery.Delivery;
import io.outboxrelay.relay.delivery.HaltedEvent;
import io.outboxrelay.relay.ops.Health;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Looks at one run once a second: tells its health by what is really settled, and passes on the operator's word.
 */
final class RunWatch implements AutoCloseable {

    private static final Logger log = LoggerFactory.getLogger(RunWatch.class);

    /** Looks without any event settled, while some wait, before the broker counts as stalled. */
    private static final int LOOKS_UNTIL_STALLED = 10;

    /**
     * The same, before the broker is given up for another one. Its client retries by itself, but one that knows only
     * addresses that are gone, or whose thread has died, does so in vain.
     */
    private static final int LOOKS_UNTIL_REPLACED = 300;

    private final Delivery delivery;
    private final OperatorRequests requests;
    private final Health health;
    private final ScheduledExecutorService clock;

    private Future<?> looking = CompletableFuture.completedFuture(null);
    private boolean ended;
    private boolean inTrouble;
    private long settledBefore;
    private int looksWithoutProgress;

    RunWatch(Delivery delivery, OperatorRequests requests, Health health, ScheduledExecutorService clock) {
        this.delivery = delivery;
        this.requests = requests;
        this.health = health;
        this.clock = clock;
    }

    synchronized void start() {
        looking = clock.scheduleWithFixedDelay(this::look, 1, 1, TimeUnit.SECONDS);
    }

    /** After this the health is left alone. */
    @Override
    public void close() {
        looking.cancel(true);
        synchronized (this) {
            ended = true;
        }
    }

    private synchronized void look() {
        if (ended || health.status().state() == Health.State.STOPPING) {
            return;
        }
        try {
            List<HaltedEvent> halted = delivery.halted();
            tellHealth(halted);
            if (!halted.isEmpty()) {
                requests.apply(delivery, halted);
            }
        } catch (SQLException e) {
            log.warn("The operator's word cannot be read: {}", Diagnosis.of(e).text());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (RuntimeException e) {
            // Thrown on, it would end the looking for good, without a word.
            log.error("Looking after the run failed", e);
        }
    }

    private void tellHealth(List<HaltedEvent> halted) {
        boolean stalled = isStalled();
        boolean before = inTrouble;
        inTrouble = true;
        if (!halted.isEmpty()) {
            health.is(Health.State.HALTED, describe(halted));
        } else if (delivery.isWithoutBroker()) {
            health.is(Health.State.WAITING, "the broker failed and is being opened again");
        } else if (stalled) {
            health.is(
                    Health.State.WAITING,
                    "events wait, and the broker has stored nothing for " + LOOKS_UNTIL_STALLED + " s");
            if (looksWithoutProgress % LOOKS_UNTIL_REPLACED == 0) {
                log.warn("The broker has stored nothing for {} s: opening another one", looksWithoutProgress);
                delivery.replaceBroker();
            }
        } else {
            inTrouble = false;
            if (before) {
                health.is(Health.State.STREAMING, "");
            }
        }
    }

    private boolean isStalled() {
        long settled = delivery.settledEvents();
        boolean progress = settled != settledBefore || delivery.unsettledEvents() == 0;
        settledBefore = settled;
        looksWithoutProgress = progress ? 0 : looksWithoutProgress + 1;
        return looksWithoutProgress >= LOOKS_UNTIL_STALLED;
    }

    private static String describe(List<HaltedEvent> halted) {
        HaltedEvent first = halted.get(0);
        return halted.size() + " aggregate(s) wait for an operator; the first at " + first.event() + ": "
                + first.reason();
    }
}
