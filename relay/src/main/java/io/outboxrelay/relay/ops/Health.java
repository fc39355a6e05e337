package io.outboxrelay.relay.ops;

import java.time.Instant;
import java.time.temporal.ChronoUnit;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * How the relay is, for probes and for the log: one line per change. Safe for use by any thread.
 */
public final class Health {

    private static final Logger log = LoggerFactory.getLogger(Health.class);

    /** What the relay is at. */
    public enum State {
        /** Not at work yet. */
        STARTING(true, false),
        /** The database or the broker cannot be reached; it is tried again. */
        WAITING(true, false),
        /** Another relay reads this outbox; this one takes over when that one ends. */
        STANDBY(true, true),
        /** Rows are relayed as they are committed. */
        STREAMING(true, true),
        /** An operator's word is needed; until then nothing moves, and a restart would not help. */
        HALTED(true, false),
        /** The source or the broker failed and is being opened again. */
        RETRYING(true, false),
        /** Told to stop, settling what is under way. */
        STOPPING(true, false),
        /** Cannot go on; only another process may. */
        FAILED(false, false);

        private final boolean live;
        private final boolean ready;

        State(boolean live, boolean ready) {
            this.live = live;
            this.ready = ready;
        }

        /** Whether to leave the process alone: false asks for another one. */
        public boolean live() {
            return live;
        }

        /** Whether the relay does its work, or stands by to. */
        public boolean ready() {
            return ready;
        }
    }

    /**
     * The state at one moment.
     *
     * @param state what the relay is at
     * @param since when it came to be so
     * @param reason why, in one line; empty where there is nothing to say
     */
    public record Status(State state, Instant since, String reason) {}

    private volatile Status status = new Status(State.STARTING, now(), "");

    /** The state now. */
    public Status status() {
        return status;
    }

    /**
     * Tells the state. One that is told again without news is passed over.
     *
     * @param state what the relay is at now
     * @param reason why, in one line that holds no secret and no payload; may be empty
     */
    public synchronized void is(State state, String reason) {
        Status before = status;
        if (before.state() == state && before.reason().equals(reason)) {
            return;
        }
        status = new Status(state, before.state() == state ? before.since() : now(), reason);
        String text = reason.isEmpty() ? state.name() : state + ": " + reason;
        switch (state) {
            case HALTED, FAILED -> log.error("{}", text);
            case WAITING, RETRYING -> log.warn("{}", text);
            default -> log.info("{}", text);
        }
    }

    private static Instant now() {
        return Instant.now().truncatedTo(ChronoUnit.MILLIS);
    }
}
