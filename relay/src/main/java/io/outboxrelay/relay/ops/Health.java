package io.outboxrelay.relay.ops;

import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;

import io.outboxrelay.api.Code;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.event.Level;

/**
 * How the relay is, for probes and for the log: one line per change. What the relay knows by itself it tells; what shows
 * only from outside, that nothing moves although nothing failed, is looked at. Safe for use by any thread.
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
        /** Rows are read from the table; the reason says why not from the log, where that is what was asked for. */
        POLLING(true, true),
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
     * @param code what is wrong; empty where nothing is
     * @param reason why, in one line that begins with the code; empty where there is nothing to say
     */
    public record Status(State state, Instant since, Optional<Code> code, String reason) {}

    /** Who asks. */
    public enum Probe {
        /** Whether another process would mend it. */
        LIVE,
        /** Whether events flow, or would if this relay led. */
        READY
    }

    /**
     * Something that is wrong.
     *
     * @param code what
     * @param text the same, in one line that holds no secret and no payload
     */
    public record Trouble(Code code, String text) {

        /** The line, the code first. */
        @Override
        public String toString() {
            return code + " " + text;
        }
    }

    /**
     * One thing that was looked at.
     *
     * @param name what it is about
     * @param ok whether nothing is wrong with it
     * @param since when that came to be so
     * @param reason what is wrong, in one line that begins with the code; empty where nothing is
     */
    public record Check(String name, boolean ok, Instant since, String reason) {}

    /**
     * The answer to a probe.
     *
     * @param ok whether every check is
     * @param status the state; one that would be ready is {@link State#WAITING} while a check says that nothing flows
     * @param checks what was looked at
     */
    public record Report(boolean ok, Status status, List<Check> checks) {}

    private record Look(Probe probe, Supplier<Optional<Trouble>> trouble) {}

    /** The check that says what the state says. */
    private static final String STATE = "relay";

    private static final Optional<Code> PARKED = Optional.of(Code.DEAD_LETTERS_THERE);

    private final Map<String, Look> looks = new LinkedHashMap<>();
    private final Map<String, Check> checks = new HashMap<>();
    private Status told = new Status(State.STARTING, now(), Optional.empty(), "");
    private boolean toldToWait;

    /** The state now. */
    public Status status() {
        return report(Probe.READY).status();
    }

    /** Whether this is the state by what the relay knows itself. */
    synchronized boolean isTold(State state) {
        return told.state() == state;
    }

    /** Since when the relay says what it says now. */
    synchronized Instant toldSince() {
        return told.since();
    }

    /**
     * Looks at this too, for every probe of the kind, until {@link #forget}.
     *
     * @param name what it is about, in one word
     * @param trouble what is wrong; waits for nothing, and may be asked by any thread
     */
    public synchronized void look(Probe probe, String name, Supplier<Optional<Trouble>> trouble) {
        looks.put(name, new Look(probe, trouble));
    }

    /** Looks at this no more. */
    public synchronized void forget(String name) {
        looks.remove(name);
        checks.remove(name);
    }

    /** Looks at everything now. To be called every second or so, so that it knows since when something is wrong. */
    public synchronized Report report(Probe probe) {
        List<Check> found = new ArrayList<>();
        boolean isOk = probe == Probe.LIVE ? told.state().live() : told.state().ready();
        found.add(new Check(STATE, isOk, told.since(), isOk ? "" : told.reason()));
        Status status = told;
        for (Map.Entry<String, Look> look : looks.entrySet()) {
            if (look.getValue().probe() == probe) {
                Optional<Trouble> trouble = look.getValue().trouble().get();
                Check check = check(look.getKey(), trouble);
                found.add(check);
                if (trouble.isPresent()
                        && probe == Probe.READY
                        && status.state().ready()) {
                    status = new Status(
                            State.WAITING,
                            check.since(),
                            Optional.of(trouble.get().code()),
                            check.reason());
                }
            }
        }
        if (probe == Probe.READY) {
            tellWaiting(status);
        }
        return new Report(found.stream().allMatch(Check::ok), status, List.copyOf(found));
    }

    /**
     * Tells the state. One that is told again without news is passed over.
     *
     * @param state what the relay is at now
     * @param reason why, in one line that holds no secret and no payload; may be empty
     */
    public void is(State state, String reason) {
        is(state, Optional.empty(), reason);
    }

    /**
     * Tells a state in which something is wrong. One that is told again without news is passed over.
     *
     * @param state what the relay is at now
     * @param code what is wrong
     * @param reason the same, in one line that holds no secret and no payload
     */
    public void is(State state, Code code, String reason) {
        is(state, Optional.of(code), code + " " + reason);
    }

    private synchronized void is(State state, Optional<Code> code, String reason) {
        Status before = told;
        if (before.state() == state && before.reason().equals(reason)) {
            return;
        }
        told = new Status(state, before.state() == state ? before.since() : now(), code, reason);
        // The number of parked aggregates changes with events; metrics have it, and the log has no line for each.
        if (before.state() == state && code.equals(PARKED) && before.code().equals(PARKED)) {
            log(Level.DEBUG, told);
        } else {
            tell(told);
        }
    }

    private static void tell(Status status) {
        switch (status.state()) {
            case HALTED, FAILED -> log(Level.ERROR, status);
            case WAITING, RETRYING -> log(Level.WARN, status);
            case POLLING -> log(status.reason().isEmpty() ? Level.INFO : Level.WARN, status);
            default -> log(Level.INFO, status);
        }
    }

    private static void log(Level level, Status now) {
        if (now.code().isPresent()) {
            String text = now.reason().substring(now.code().get().id().length() + 1);
            log.atLevel(level).log("{} {}: {}", now.code().get(), now.state(), text);
        } else {
            log.atLevel(level).log("{}", now.reason().isEmpty() ? now.state() : now.state() + ": " + now.reason());
        }
    }

    private Check check(String name, Optional<Trouble> trouble) {
        Check before = checks.get(name);
        boolean isOk = trouble.isEmpty();
        Instant since = before != null && before.ok() == isOk ? before.since() : now();
        Check after =
                new Check(name, isOk, since, trouble.map(Trouble::toString).orElse(""));
        checks.put(name, after);
        return after;
    }

    /** The beginning and the end of what only the checks know. */
    private void tellWaiting(Status status) {
        boolean waits = !status.equals(told);
        if (waits && !toldToWait) {
            tell(status);
        } else if (!waits && toldToWait && told.state().ready()) {
            tell(told);
        }
        toldToWait = waits;
    }

    private static Instant now() {
        return Instant.now().truncatedTo(ChronoUnit.MILLIS);
    }
}
