package io.outboxrelay.relay.delivery;

import java.io.IOException;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;

/**
 * Sends what is put aside once more, as {@code Redrive} does beside a run: of an aggregate one event at a time, some of
 * them read ahead. Takes its time for everything.
 */
final class RandomRedrive {

    /** How many events were sent, and how many were rejected again. */
    int sent;

    private final SplittableRandom random;
    private final ScheduledExecutorService thread;
    private final RandomStore store;
    private final Delivery delivery;
    private final Runnable meanwhile;

    /** What was read of an aggregate; the first is under way. */
    private final Map<EventKey, Deque<RandomStore.Row>> active = new HashMap<>();

    private boolean closed;

    RandomRedrive(
            SplittableRandom random,
            ScheduledExecutorService thread,
            RandomStore store,
            Delivery delivery,
            Runnable meanwhile) {
        this.random = random;
        this.thread = thread;
        this.store = store;
        this.delivery = delivery;
        this.meanwhile = meanwhile;
    }

    /** Looks for aggregates of which something is to be sent. */
    void look() {
        later(() -> store.wishedKeys().forEach(key -> {
            if (!active.containsKey(key)) {
                begin(key);
            }
        }));
    }

    /** Deletes a row unsent at an operator's word; false if it is under way, and nothing is done. */
    boolean discard(RandomStore.Row row) {
        Deque<RandomStore.Row> read = active.get(row.key());
        if (read != null) {
            if (read.element().id().equals(row.id())) {
                return false;
            }
            RandomStore.Row underWay = read.element();
            read.clear();
            read.add(underWay);
        }
        store.delete(row);
        if (read == null) {
            later(() -> {
                if (!active.containsKey(row.key())) {
                    unpark(row.key());
                }
            });
        }
        return true;
    }

    void close() {
        closed = true;
        thread.shutdownNow();
    }

    private void begin(EventKey key) {
        Deque<RandomStore.Row> read = new ArrayDeque<>(store.next(key));
        if (read.isEmpty()) {
            unpark(key);
        } else {
            active.put(key, read);
            meanwhile.run();
            send(key);
        }
    }

    private void send(EventKey key) {
        if (closed) {
            return;
        }
        RandomStore.Row row = active.get(key).element();
        try {
            sent++;
            delivery.redrive(row.event()).whenComplete((nothing, failure) -> later(() -> take(row, failure == null)));
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    private void take(RandomStore.Row row, boolean stored) {
        Deque<RandomStore.Row> read = active.get(row.key());
        read.remove();
        if (stored) {
            store.delete(row);
        } else {
            store.rejectedAgain(row);
        }
        if ((stored || !row.parked()) && !read.isEmpty() && random.nextInt(3) > 0) {
            send(row.key());
        } else {
            active.remove(row.key());
            begin(row.key());
        }
    }

    private void unpark(EventKey key) {
        try {
            delivery.aside().orElseThrow().unpark(key);
        } catch (IOException | IllegalStateException e) {
            later(() -> {
                if (!active.containsKey(key)) {
                    unpark(key);
                }
            });
        }
    }

    @SuppressWarnings("FutureReturnValueIgnored")
    private void later(Runnable task) {
        if (!closed) {
            thread.schedule(task, random.nextInt(0, 20), TimeUnit.MILLISECONDS);
        }
    }
}
