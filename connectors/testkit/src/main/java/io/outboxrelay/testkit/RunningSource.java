package io.outboxrelay.testkit;

import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

import io.outboxrelay.api.EventHandler;
import io.outboxrelay.api.OutboxSource;
import io.outboxrelay.api.SourceStatus;

/** A source on a thread of its own, closed with this. */
public final class RunningSource implements AutoCloseable {

    private final OutboxSource source;
    private final CompletableFuture<Void> ended = new CompletableFuture<>();

    private RunningSource(OutboxSource source) {
        this.source = source;
    }

    /** Runs the source. */
    public static RunningSource start(OutboxSource source, EventHandler handler) {
        RunningSource running = new RunningSource(source);
        Thread thread = new Thread(() -> running.run(handler), "test-source");
        thread.setDaemon(true);
        thread.start();
        return running;
    }

    private void run(EventHandler handler) {
        try {
            source.run(handler);
            ended.complete(null);
        } catch (Throwable e) {
            ended.completeExceptionally(e);
        }
    }

    /** {@link OutboxSource#stop}. */
    public boolean stop(Duration atMost) throws InterruptedException {
        return source.stop(atMost);
    }

    /** {@link OutboxSource#status}. */
    public SourceStatus status() {
        return source.status();
    }

    /** Whether the run has not ended. */
    public boolean isRunning() {
        return !ended.isDone();
    }

    /** Waits for the run to fail, and returns why. */
    public Throwable awaitFailure(Duration atMost) throws InterruptedException {
        try {
            ended.get(atMost.toMillis(), TimeUnit.MILLISECONDS);
            throw new AssertionError("the run ended without a failure");
        } catch (ExecutionException e) {
            return e.getCause();
        } catch (TimeoutException e) {
            throw new AssertionError("the run did not fail within " + atMost, e);
        }
    }

    /** Waits for the run to return; fails if it failed. */
    public void awaitReturn(Duration atMost) throws InterruptedException {
        try {
            ended.get(atMost.toMillis(), TimeUnit.MILLISECONDS);
        } catch (ExecutionException e) {
            throw new AssertionError("the run failed", e.getCause());
        } catch (TimeoutException e) {
            throw new AssertionError("the run did not return within " + atMost, e);
        }
    }

    @Override
    public void close() {
        source.close();
    }
}
