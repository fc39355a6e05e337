package io.outboxrelay.relay.ops;

import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;

import io.outboxrelay.api.Code;
import io.outboxrelay.postgres.OutboxFigures;
import io.outboxrelay.postgres.OutboxFigures.Slot;
import io.outboxrelay.relay.ops.Health.Probe;
import io.outboxrelay.relay.ops.Health.State;
import io.outboxrelay.relay.ops.Health.Trouble;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Looks at the relay's health once a second, whoever asks, and at what the database says of it: whether it answers, and
 * whether somebody really streams from the slot.
 */
public final class HealthWatch implements AutoCloseable {

    private static final Logger log = LoggerFactory.getLogger(HealthWatch.class);

    /** Seen by two looks: one may come while the stream is being opened. */
    private static final Duration SLOT_IS_IDLE = Duration.ofSeconds(4);

    /** Nobody has streamed for so long, although a run says that it does: it has ended without a word. */
    private static final Duration ENGINE_IS_DEAD = Duration.ofMinutes(2);

    private final Health health;
    private final FiguresWatch figures;
    private final ScheduledExecutorService thread = Executors.newSingleThreadScheduledExecutor(task -> {
        Thread named = new Thread(task, "outbox-relay-health");
        named.setDaemon(true);
        return named;
    });
    private Future<?> looking = CompletableFuture.completedFuture(null);

    /** Does not look yet. */
    public HealthWatch(Health health, FiguresWatch figures) {
        this.health = health;
        this.figures = figures;
    }

    /** Begins to look. */
    public void start() {
        health.look(Probe.READY, "database", figures::failure);
        health.look(Probe.READY, "slot", this::slot);
        health.look(Probe.LIVE, "engine", this::engine);
        looking = thread.scheduleWithFixedDelay(this::look, 0, 1, TimeUnit.SECONDS);
    }

    @Override
    public void close() {
        looking.cancel(true);
        thread.shutdownNow();
    }

    private void look() {
        try {
            health.report(Probe.READY);
            health.report(Probe.LIVE);
        } catch (RuntimeException | Error e) {
            // Thrown on, it would end the looking for good, without a word.
            log.error("{} Looking after the health failed", Code.UNEXPECTED, e);
        }
    }

    private Optional<Trouble> slot() {
        OutboxFigures seen = figures.latest();
        // What was seen before the stream began may be a slot that was not made yet.
        if (!health.isTold(State.STREAMING) || seen.at().isBefore(health.toldSince())) {
            return Optional.empty();
        }
        Optional<Slot> slot = seen.slot();
        if (slot.isPresent() && !slot.get().isUsable()) {
            return Optional.of(new Trouble(
                    slot.get().walStatus().equals(Slot.MISSING) ? Code.POSITION_SLOT_GONE : Code.SLOT_LOST,
                    "the replication slot " + slot.get().name() + " is "
                            + slot.get().walStatus()));
        }
        return idleFor(SLOT_IS_IDLE);
    }

    private Optional<Trouble> engine() {
        return health.isTold(State.STREAMING) ? idleFor(ENGINE_IS_DEAD) : Optional.empty();
    }

    private Optional<Trouble> idleFor(Duration limit) {
        Instant streaming = health.toldSince();
        return figures.slotIdleSince()
                .map(idle -> Duration.between(
                        idle.isAfter(streaming) ? idle : streaming,
                        figures.latest().at()))
                .filter(idle -> idle.compareTo(limit) >= 0)
                .map(idle -> new Trouble(
                        Code.STREAM_STALLED,
                        "nobody has streamed from the replication slot for " + idle.toSeconds() + " s"));
    }
}
