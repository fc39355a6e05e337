package io.outboxrelay.testkit;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.IntConsumer;

import io.outboxrelay.api.EventHandler;
import io.outboxrelay.api.OutboxEvent;

/**
 * What a source hands over, kept in order, settled at once or by the test. Safe for use by any thread.
 *
 * <p>It notes breaches of the contract itself: a hand-over before {@link #streaming()}, without room, or from a second
 * thread.
 */
public final class RecordingHandler implements EventHandler {

    private final int room;
    private final Consumer<OutboxEvent> keep;
    private final List<OutboxEvent> events = new ArrayList<>();
    private final List<Batch> batches = new ArrayList<>();
    private final List<String> breaches = new ArrayList<>();

    private boolean settling;
    private boolean streaming;
    private int unsettled;
    private long count;
    private Thread lane;

    private record Batch(int size, IntConsumer each, CompletableFuture<Void> settled) {}

    private RecordingHandler(boolean settling, int room, Consumer<OutboxEvent> keep) {
        this.settling = settling;
        this.room = room;
        this.keep = keep == null ? events::add : keep;
    }

    /** Settles every batch at once. */
    public static RecordingHandler settlingAtOnce() {
        return new RecordingHandler(true, Integer.MAX_VALUE, null);
    }

    /** Settles nothing before it is told to. */
    public static RecordingHandler holdingBack() {
        return new RecordingHandler(false, Integer.MAX_VALUE, null);
    }

    /** Settles nothing before it is told to, and has room for no batch while so many events or more are unsettled. */
    public static RecordingHandler holdingBack(int room) {
        return new RecordingHandler(false, room, null);
    }

    /** Settles every batch at once and keeps no event, only their number. */
    public static RecordingHandler passing(Consumer<OutboxEvent> each) {
        return new RecordingHandler(true, Integer.MAX_VALUE, each);
    }

    @Override
    public synchronized void streaming() {
        oneThread();
        if (streaming) {
            breaches.add("streaming() was called twice");
        }
        streaming = true;
        notifyAll();
    }

    @Override
    public synchronized boolean awaitRoom(Duration atMost) throws InterruptedException {
        oneThread();
        long deadline = System.nanoTime() + atMost.toNanos();
        while (unsettled >= room) {
            long left = deadline - System.nanoTime();
            if (left <= 0) {
                return false;
            }
            TimeUnit.NANOSECONDS.timedWait(this, left);
        }
        return true;
    }

    @Override
    public synchronized CompletionStage<Void> deliver(List<OutboxEvent> batch, IntConsumer settled) {
        oneThread();
        if (!streaming) {
            breaches.add("deliver() was called before streaming()");
        }
        if (unsettled >= room) {
            breaches.add("deliver() was called without room");
        }
        if (batch.isEmpty()) {
            breaches.add("deliver() was called with an empty batch");
        }
        Batch handed = new Batch(batch.size(), settled, new CompletableFuture<>());
        batch.forEach(keep);
        count += batch.size();
        batches.add(handed);
        unsettled += batch.size();
        if (settling) {
            settle(handed);
        }
        notifyAll();
        return handed.settled;
    }

    /** Every event so far, in the order of the hand-over. */
    public synchronized List<OutboxEvent> events() {
        return List.copyOf(events);
    }

    /** How many events so far. */
    public synchronized long count() {
        return count;
    }

    /** How many batches so far. */
    public synchronized int batches() {
        return batches.size();
    }

    /** Whether the source has said that it streams. */
    public synchronized boolean isStreaming() {
        return streaming;
    }

    /** What the source did that it must not. */
    public synchronized List<String> breaches() {
        return List.copyOf(breaches);
    }

    /** Settles one batch, counted from 0. */
    public synchronized void settle(int batch) {
        settle(batches.get(batch));
    }

    /** Settles all that was handed over, and from now on everything at once. */
    public void settleAll() {
        List<Batch> all;
        synchronized (this) {
            settling = true;
            all = List.copyOf(batches);
        }
        all.forEach(this::settle);
    }

    private void settle(Batch batch) {
        synchronized (this) {
            if (batch.settled.isDone()) {
                return;
            }
            unsettled -= batch.size;
            notifyAll();
        }
        for (int event = 0; event < batch.size; event++) {
            batch.each.accept(event);
        }
        batch.settled.complete(null);
    }

    private void oneThread() {
        if (lane == null) {
            lane = Thread.currentThread();
        } else if (lane != Thread.currentThread()) {
            breaches.add("called from " + Thread.currentThread().getName() + ", before from " + lane.getName());
        }
    }
}
