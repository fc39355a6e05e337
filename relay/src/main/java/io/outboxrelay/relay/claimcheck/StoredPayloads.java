package io.outboxrelay.relay.claimcheck;

import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

import io.github.resilience4j.core.IntervalFunction;
import io.outboxrelay.api.Code;
import io.outboxrelay.api.Message;
import io.outboxrelay.api.OutboxDatabase;
import io.outboxrelay.api.OutboxEvent;
import io.outboxrelay.api.RejectedException;
import io.outboxrelay.relay.config.ClaimCheckSettings;
import io.outboxrelay.relay.config.Oversize;
import io.outboxrelay.relay.delivery.Payloads;
import io.outboxrelay.relay.ops.DatabaseFailure;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps payloads in the table {@code outbox_claim_check}, for one run: stores them on a thread of its own, some at a time,
 * again and again until it succeeds, and once a minute deletes those that have been kept for long enough.
 */
public final class StoredPayloads implements Payloads {

    private static final Logger log = LoggerFactory.getLogger(StoredPayloads.class);

    private static final int MOST_AT_ONCE = 100;
    private static final long MOST_BYTES_AT_ONCE = 8 << 20;
    private static final int DELETED_AT_ONCE = 100;
    private static final Duration BETWEEN_CLEANINGS = Duration.ofMinutes(1);

    /**
     * The time to keep a payload counts from the sending of its message, which a broker that is down delays. So what is
     * not settled is kept anew at every cleaning, and all is kept for so much longer than asked for.
     */
    private static final Duration BEYOND = Duration.ofMinutes(10);

    private record Entry(OutboxEvent event, Message message, CompletableFuture<Message> stored) {}

    private final ClaimCheckTable table;
    private final ClaimCheckSettings settings;
    private final IntervalFunction pause;
    private final Duration keepFor;
    private final BlockingQueue<Entry> entries = new LinkedBlockingQueue<>();
    private final Thread thread = new Thread(this::work, "outbox-relay-claim-check");

    /** The ids of what was stored and is not settled. Guarded by itself. */
    private final IdentityHashMap<OutboxEvent, String> unsettled = new IdentityHashMap<>();

    private volatile boolean closed;
    private long cleaningAt = System.nanoTime() + BETWEEN_CLEANINGS.toNanos();
    private String toldOfCleaning = "";
    private volatile Optional<String> failure = Optional.empty();

    /** What ended the thread though nobody closed this. */
    private volatile Optional<Throwable> ended = Optional.empty();

    private StoredPayloads(ClaimCheckTable table, ClaimCheckSettings settings, IntervalFunction pause) {
        this.table = table;
        this.settings = settings;
        this.pause = pause;
        this.keepFor = settings.keepFor().plus(BEYOND);
        thread.setDaemon(true);
    }

    /**
     * Begins to store and to delete.
     *
     * @param pause milliseconds before the n-th attempt in a row
     */
    public static StoredPayloads open(OutboxDatabase database, ClaimCheckSettings settings, IntervalFunction pause) {
        StoredPayloads opened = new StoredPayloads(new ClaimCheckTable(database), settings, pause);
        opened.thread.start();
        return opened;
    }

    @Override
    public boolean wants(OutboxEvent event) {
        return event.payload() != null && settings.types().contains(event.type());
    }

    @Override
    public boolean mends(OutboxEvent event, RejectedException reason) {
        return settings.oversize() == Oversize.CLAIM_CHECK
                && reason.kind() == RejectedException.Kind.TOO_LARGE
                && event.payload() != null
                && event.payload().length > ClaimCheck.LENGTH;
    }

    @Override
    public CompletionStage<Message> store(OutboxEvent event, Message message) {
        if (event.payload().length > settings.maxSize()) {
            return CompletableFuture.failedStage(new RejectedException(
                    RejectedException.Kind.TOO_LARGE,
                    "its payload has " + event.payload().length + " bytes, and delivery.claim-check.max-size is "
                            + settings.maxSize()));
        }
        Entry entry = new Entry(event, message, new CompletableFuture<>());
        entries.add(entry);
        ended.ifPresent(this::giveUp);
        return entry.stored();
    }

    @Override
    public void settled(OutboxEvent event) {
        synchronized (unsettled) {
            unsettled.remove(event);
        }
    }

    @Override
    public Optional<String> failure() {
        return failure;
    }

    @Override
    public void close() {
        closed = true;
        thread.interrupt();
    }

    private void work() {
        List<Entry> batch = List.of();
        try {
            while (!closed) {
                long nanos = cleaningAt - System.nanoTime();
                Entry first = entries.poll(Math.max(0, nanos), TimeUnit.NANOSECONDS);
                if (first != null) {
                    batch = with(first);
                    store(batch);
                }
                if (cleaningAt - System.nanoTime() <= 0) {
                    clean();
                    cleaningAt = System.nanoTime() + BETWEEN_CLEANINGS.toNanos();
                }
            }
        } catch (InterruptedException e) {
            log.debug("No payload is stored any more", e);
        } catch (RuntimeException | Error e) {
            ended = Optional.of(e);
            batch.forEach(entry -> entry.stored().completeExceptionally(e));
            giveUp(e);
        }
    }

    /** Tells all who wait, so that the run ends. */
    private void giveUp(Throwable unexpected) {
        for (Entry entry = entries.poll(); entry != null; entry = entries.poll()) {
            entry.stored().completeExceptionally(unexpected);
        }
    }

    private List<Entry> with(Entry first) {
        List<Entry> batch = new ArrayList<>(List.of(first));
        long bytes = first.event().size();
        while (batch.size() < MOST_AT_ONCE && bytes < MOST_BYTES_AT_ONCE) {
            Entry next = entries.poll();
            if (next == null) {
                break;
            }
            batch.add(next);
            bytes += next.event().size();
        }
        return batch;
    }

    private void store(List<Entry> batch) throws InterruptedException {
        List<ClaimCheckTable.Entry> rows = batch.stream()
                .map(entry -> new ClaimCheckTable.Entry(
                        ClaimCheck.of(table.outbox(), entry.event()),
                        entry.event().payload()))
                .toList();
        for (int attempt = 1; !closed; attempt++) {
            try {
                table.store(rows, keepFor);
                failure = Optional.empty();
                for (int i = 0; i < batch.size(); i++) {
                    stored(batch.get(i), rows.get(i).check());
                }
                return;
            } catch (SQLException e) {
                tellWaiting(DatabaseFailure.of(e).toString(), batch.size());
                Thread.sleep(pause.apply(attempt));
            } catch (RuntimeException e) {
                log.debug("The unexpected failure:", e);
                tellWaiting("unexpected " + e.getClass().getName(), batch.size());
                Thread.sleep(pause.apply(attempt));
            }
        }
    }

    private void stored(Entry entry, ClaimCheck check) {
        if (entry.stored().isDone()) {
            return; // In an attempt that failed after this.
        }
        synchronized (unsettled) {
            unsettled.put(entry.event(), check.id());
        }
        if (!closed) {
            entry.stored().complete(check.inPlaceOfPayload(entry.message()));
        }
    }

    private void clean() {
        try {
            List<String> ids;
            synchronized (unsettled) {
                ids = List.copyOf(unsettled.values());
            }
            if (!ids.isEmpty()) {
                table.keep(ids, keepFor, keepFor.minus(BEYOND.dividedBy(2)));
            }
            int deleted = 0;
            int last;
            do {
                last = table.deleteExpired(DELETED_AT_ONCE);
                deleted += last;
            } while (last == DELETED_AT_ONCE && entries.isEmpty() && !closed);
            if (deleted > 0) {
                log.info("Deleted {} payloads of claim-checks that had expired", deleted);
            }
        } catch (SQLException e) {
            tellOfCleaning(DatabaseFailure.of(e).toString());
        } catch (RuntimeException e) {
            log.debug("The unexpected failure:", e);
            tellOfCleaning("unexpected " + e.getClass().getName());
        }
    }

    private void tellOfCleaning(String why) {
        if (!why.equals(toldOfCleaning)) {
            log.warn("{} Expired payloads of claim-checks cannot be deleted: {}", Code.PAYLOADS_NOT_EXPIRED, why);
            toldOfCleaning = why;
        }
    }

    private void tellWaiting(String why, int events) {
        if (!closed && !failure.equals(Optional.of(why))) {
            log.warn(
                    "{} The payloads of {} event(s) cannot be stored, and they wait: {}",
                    Code.PAYLOADS_UNSTORED,
                    events,
                    why);
        }
        failure = Optional.of(why);
    }
}
