package io.outboxrelay.quickstart;

import java.util.HashMap;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.TimeUnit;

import org.HdrHistogram.Histogram;

/**
 * What the service committed and what it rolled back, held against what the consumer received. The two sides report in
 * any order: a consumer may have an event before the service knows that its commit came through. All times are
 * {@link System#nanoTime}. Safe for use by any thread.
 */
final class Ledger {

    private final Map<UUID, Entry> events = new HashMap<>();
    private final Map<Long, Integer> newestVersions = new HashMap<>();
    private final Histogram latencyMicros = new Histogram(3);
    private long committed;
    private long delivered;
    private long duplicates;
    private long outOfOrder;

    /** Rolled back, unknown to the service, or about to be committed. */
    private long receivedUncommitted;

    private static final class Entry {
        final long order;
        final int version;
        boolean committed;
        boolean received;
        long committedAt;
        long receivedAt;

        Entry(long order, int version) {
            this.order = order;
            this.version = version;
        }
    }

    /** An event is about to be committed, or rolled back; called while the order is still locked by the transaction. */
    synchronized void wrote(UUID event, long order, int version) {
        events.put(event, new Entry(order, version));
    }

    /** The commit of the event's transaction has returned. */
    synchronized void committed(UUID event, long at) {
        Entry entry = events.get(event);
        entry.committed = true;
        entry.committedAt = at;
        committed++;
        if (entry.received) {
            receivedUncommitted--;
            delivered++;
            recordLatency(entry);
        }
    }

    /** A consumer has received the event. */
    synchronized void received(UUID event, long at) {
        Entry entry = events.get(event);
        if (entry == null) {
            receivedUncommitted++;
        } else if (entry.received) {
            duplicates++;
        } else {
            entry.received = true;
            entry.receivedAt = at;
            int newest = newestVersions.merge(entry.order, entry.version, Math::max);
            if (newest > entry.version) {
                outOfOrder++;
            }
            if (entry.committed) {
                delivered++;
                recordLatency(entry);
            } else {
                receivedUncommitted++;
            }
        }
    }

    /** What stands at the moment; what is under way counts as lost. */
    synchronized Summary summary() {
        return new Summary(
                committed,
                delivered,
                committed - delivered,
                receivedUncommitted,
                outOfOrder,
                duplicates,
                latencyMicros.getValueAtPercentile(50) / 1000.0,
                latencyMicros.getValueAtPercentile(99) / 1000.0);
    }

    private void recordLatency(Entry entry) {
        long nanos = Math.max(0, entry.receivedAt - entry.committedAt);
        latencyMicros.recordValue(TimeUnit.NANOSECONDS.toMicros(nanos));
    }
}
