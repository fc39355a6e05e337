package io.outboxrelay.relay.delivery;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;

import io.github.resilience4j.circuitbreaker.CircuitBreaker;
import io.github.resilience4j.circuitbreaker.CircuitBreaker.State;
import io.github.resilience4j.circuitbreaker.CircuitBreakerConfig;
import io.outboxrelay.api.Code;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Whether the broker is alive: a circuit breaker over brokers, not over messages. One that was opened and answered any
 * message is a success, one that failed before is a failure. Safe for use by any thread.
 */
final class BrokerHealth {

    private static final Logger log = LoggerFactory.getLogger(BrokerHealth.class);

    private final CircuitBreaker breaker;

    /** Of the broker that is open now. */
    private final AtomicBoolean answered = new AtomicBoolean();

    BrokerHealth(int probeAfter) {
        // When to try again is the sender's to say, so the breaker's own waits are not used.
        this.breaker = CircuitBreaker.of(
                "broker",
                CircuitBreakerConfig.custom()
                        .slidingWindow(probeAfter, probeAfter, CircuitBreakerConfig.SlidingWindowType.COUNT_BASED)
                        .failureRateThreshold(100)
                        .permittedNumberOfCallsInHalfOpenState(1)
                        .build());
        breaker.getEventPublisher().onStateTransition(event -> {
            if (event.getStateTransition().getToState() == State.CLOSED) {
                log.info("The broker answers again: everything is sent to it");
            } else if (event.getStateTransition().getFromState() == State.CLOSED) {
                log.warn(
                        "{} The broker failed {} times in a row: single messages probe it until it answers",
                        Code.BROKER_DEAD,
                        probeAfter);
            }
        });
    }

    /** Another broker is open. */
    void opened() {
        answered.set(false);
        if (breaker.getState() == State.OPEN) {
            breaker.transitionToHalfOpenState();
        }
    }

    /** True if the broker is to be probed; then the message that is sent now is the probe. */
    boolean beginProbe() {
        return breaker.getState() == State.HALF_OPEN && breaker.tryAcquirePermission();
    }

    /** The probe was not sent. */
    void endProbe() {
        breaker.releasePermission();
    }

    /** The broker answered: it stored a message, or refused one for what it is. */
    void answers() {
        if (!answered.get() && answered.compareAndSet(false, true)) {
            breaker.onSuccess(0, TimeUnit.NANOSECONDS);
        }
    }

    /** The broker has failed, or none could be opened. */
    void failed(Throwable failure) {
        if (!answered.get()) {
            breaker.onError(0, TimeUnit.NANOSECONDS, failure);
        }
    }

    /** Whether it takes a probe to find out that the broker is alive. */
    boolean isSuspect() {
        return breaker.getState() != State.CLOSED;
    }

    /** The circuit breaker's state: {@code closed}, {@code open} or {@code half_open}. */
    String state() {
        return breaker.getState().name().toLowerCase(java.util.Locale.ROOT);
    }
}
