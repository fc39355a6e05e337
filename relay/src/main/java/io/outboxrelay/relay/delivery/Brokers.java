package io.outboxrelay.relay.delivery;

import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

import io.outboxrelay.api.Broker;
import io.outboxrelay.api.Code;
import io.outboxrelay.api.RejectedException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One broker after another, and how long to wait between two. Opened and told of failures by one thread at a time;
 * {@link #current} and {@link #close} are for any.
 */
final class Brokers {

    private static final Logger log = LoggerFactory.getLogger(Brokers.class);

    /** A broker that held for so long counts as mended: the pause before the next begins small again. */
    private static final long MENDED_NANOS = TimeUnit.SECONDS.toNanos(60);

    private final Supplier<Broker> opener;
    private final BrokerRetry retry;
    private final BrokerHealth health;

    private volatile Broker current;
    private long openedAt;
    private int failuresInARow;
    private String toldOfFailure = "";

    /**
     * @param opener opens a broker
     * @param retry how one that failed is followed by another
     * @param health told of each that is opened or fails
     */
    Brokers(Supplier<Broker> opener, BrokerRetry retry, BrokerHealth health) {
        this.opener = opener;
        this.retry = retry;
        this.health = health;
    }

    /** Opens the next one. */
    Broker open() {
        current = opener.get();
        openedAt = retry.nanoTime().getAsLong();
        health.opened();
        return current;
    }

    /** The one that was opened last. */
    Broker current() {
        return current;
    }

    /** Closes the one that was opened last, if any was. */
    void close() {
        Broker open = current;
        if (open != null) {
            open.close();
        }
    }

    /** One has failed, or could not be opened; returns the milliseconds to wait before the next. */
    long failed(Throwable failure) {
        boolean mended =
                failure instanceof RejectedException || retry.nanoTime().getAsLong() - openedAt > MENDED_NANOS;
        failuresInARow = mended ? 1 : failuresInARow + 1;
        health.failed(failure);
        long millis = retry.pause().apply(failuresInARow);
        tell(String.valueOf(failure.getMessage()), millis);
        return millis;
    }

    /** A broker that is dead for hours is told of once. */
    private void tell(String failure, long millis) {
        if (!health.isSuspect() || !failure.equals(toldOfFailure)) {
            log.warn(
                    "{} The broker failed; what it has not stored goes to a new one in {} ms: {}",
                    Code.BROKER_FAILED,
                    millis,
                    failure);
        } else {
            log.debug("The broker failed again and is probed in {} ms: {}", millis, failure);
        }
        toldOfFailure = failure;
    }
}
