package io.outboxrelay.relay.ops;

import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;

import io.outboxrelay.api.Code;
import io.outboxrelay.postgres.FiguresReader;
import io.outboxrelay.postgres.OutboxFigures;
import io.outboxrelay.relay.ops.Health.Trouble;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Reads the figures of the database every five seconds, on a thread of its own, whoever asks for them and however often.
 * Any thread may ask; nobody waits for the database.
 */
public final class FiguresWatch implements AutoCloseable {

    private static final Logger log = LoggerFactory.getLogger(FiguresWatch.class);

    private static final Duration PERIOD = Duration.ofSeconds(5);

    /** Older ones tell nothing of now: the database does not answer. */
    private static final Duration VALID = Duration.ofSeconds(12);

    private final FiguresReader reader;
    private final ScheduledExecutorService thread = Executors.newSingleThreadScheduledExecutor(task -> {
        Thread named = new Thread(task, "outbox-relay-figures");
        named.setDaemon(true);
        return named;
    });

    private volatile OutboxFigures last = OutboxFigures.none(Instant.EPOCH);
    private volatile Optional<Trouble> failure = Optional.empty();
    private volatile long lookedAt = System.nanoTime();
    private volatile Optional<Instant> slotIdleSince = Optional.empty();
    private final Future<?> looking;

    private FiguresWatch(FiguresReader reader) {
        this.reader = reader;
        this.looking = thread.scheduleWithFixedDelay(this::look, 0, PERIOD.toMillis(), TimeUnit.MILLISECONDS);
    }

    /** Begins to look. */
    public static FiguresWatch start(FiguresReader reader) {
        return new FiguresWatch(reader);
    }

    /** What was read last, a few seconds ago at most; nothing where that is longer ago. */
    public OutboxFigures latest() {
        return isSilent() ? OutboxFigures.none(last.at()) : last;
    }

    /** Why the database cannot be asked; empty if it answers. */
    public Optional<Trouble> failure() {
        return failure.isEmpty() && isSilent()
                ? Optional.of(new Trouble(
                        Code.DATABASE_UNREACHABLE,
                        "the database has answered nothing for more than " + VALID.toSeconds() + " s"))
                : failure;
    }

    /**
     * The first of the looks, up to the last one, that saw nobody stream from the slot; empty if somebody does, or there
     * is no slot to look at.
     */
    public Optional<Instant> slotIdleSince() {
        return slotIdleSince;
    }

    @Override
    public void close() {
        looking.cancel(true);
        thread.shutdownNow();
    }

    private boolean isSilent() {
        return System.nanoTime() - lookedAt > VALID.toNanos();
    }

    private void look() {
        try {
            last = reader.read();
            failure = Optional.empty();
            boolean isIdle = last.slot().filter(slot -> !slot.active()).isPresent();
            slotIdleSince = isIdle ? slotIdleSince.or(() -> Optional.of(last.at())) : Optional.empty();
        } catch (SQLException e) {
            DatabaseFailure why = DatabaseFailure.of(e);
            failure = Optional.of(new Trouble(why.code(), why.text()));
            last = OutboxFigures.none(Instant.now());
        } catch (RuntimeException | Error e) {
            // Thrown on, it would end the looking for good, without a word.
            log.error("{} Reading the figures failed", Code.UNEXPECTED, e);
            return;
        }
        lookedAt = System.nanoTime();
    }
}
