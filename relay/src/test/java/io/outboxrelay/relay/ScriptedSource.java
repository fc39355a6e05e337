package io.outboxrelay.relay;

import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.atomic.AtomicInteger;

import io.outboxrelay.api.EventHandler;
import io.outboxrelay.api.Finding;
import io.outboxrelay.api.OutboxDatabase;
import io.outboxrelay.api.OutboxSource;
import io.outboxrelay.api.SourceFactory;
import io.outboxrelay.api.SourceStatus;

/** A source that does what a test says. All its runs are told the same; the test fails them one by one. */
final class ScriptedSource implements SourceFactory {

    volatile List<Finding> findings = List.of();
    volatile boolean hasPosition = true;
    volatile Optional<String> eventsWithoutRow = Optional.empty();
    volatile Optional<Exception> failsBeforeItStreams = Optional.empty();
    volatile SourceStatus status = SourceStatus.UNKNOWN;

    /** Null if it can be. */
    volatile SQLException cannotBeAbandoned;

    private volatile List<Finding> left = List.of();

    /** What {@code prepare} waits for. */
    volatile CompletableFuture<Void> preparing = CompletableFuture.completedFuture(null);

    /** What happens while a run is being stopped. */
    volatile Runnable whileStopping = () -> {};

    final AtomicInteger opened = new AtomicInteger();
    final AtomicInteger prepared = new AtomicInteger();
    final AtomicInteger begun = new AtomicInteger();
    final AtomicInteger reading = new AtomicInteger();
    final AtomicInteger abandoned = new AtomicInteger();
    final AtomicInteger open = new AtomicInteger();

    private final boolean shared;
    private volatile CompletableFuture<Void> end = new CompletableFuture<>();

    ScriptedSource(boolean shared) {
        this.shared = shared;
    }

    /** Ends the run that is under way. */
    void fail(Exception failure) {
        CompletableFuture<Void> running = end;
        end = new CompletableFuture<>();
        running.completeExceptionally(failure);
    }

    void keepsOfTheLog(long bytes, String walStatus) {
        status = new SourceStatus(
                true, Optional.of(new SourceStatus.RetainedLog(bytes, walStatus, Instant.now())), 0, 0);
    }

    /** What cannot be removed when the position is given up. */
    void leaves(Finding... findings) {
        left = List.of(findings);
    }

    void isCaughtUp() {
        status = new SourceStatus(true, Optional.empty(), 0, 0);
    }

    @Override
    public List<Finding> check(OutboxDatabase database) {
        return findings;
    }

    @Override
    public boolean isShared() {
        return shared;
    }

    @Override
    public boolean hasPosition(OutboxDatabase database) {
        return hasPosition;
    }

    @Override
    public Optional<String> eventsWithoutRow() {
        return eventsWithoutRow;
    }

    @Override
    public List<Finding> abandon(OutboxDatabase database) throws SQLException {
        if (cannotBeAbandoned != null) {
            throw cannotBeAbandoned;
        }
        status = new SourceStatus(status.caughtUp(), Optional.empty(), 0, 0);
        abandoned.incrementAndGet();
        return left;
    }

    @Override
    public Optional<SourceStatus.RetainedLog> retainedLog(OutboxDatabase database) {
        return status.log();
    }

    @Override
    public OutboxSource open(OutboxDatabase database) {
        opened.incrementAndGet();
        open.incrementAndGet();
        return new Source();
    }

    private final class Source implements OutboxSource {

        private final CompletableFuture<Void> ended = new CompletableFuture<>();
        private boolean closed;

        @Override
        public void prepare() throws Exception {
            prepared.incrementAndGet();
            await(CompletableFuture.anyOf(preparing, ended));
        }

        @Override
        public void run(EventHandler handler) throws Exception {
            begun.incrementAndGet();
            if (failsBeforeItStreams.isPresent()) {
                throw failsBeforeItStreams.get();
            }
            CompletableFuture<Void> failed = end;
            reading.incrementAndGet();
            try {
                handler.streaming();
                await(CompletableFuture.anyOf(failed, ended));
            } finally {
                reading.decrementAndGet();
            }
        }

        @Override
        public boolean stop(Duration atMost) {
            whileStopping.run();
            ended.complete(null);
            return true;
        }

        @Override
        public SourceStatus status() {
            return status;
        }

        @Override
        public synchronized void close() {
            if (!closed) {
                closed = true;
                open.decrementAndGet();
            }
            ended.complete(null);
        }

        private void await(CompletableFuture<?> what) throws Exception {
            try {
                what.get();
            } catch (ExecutionException e) {
                if (e.getCause() instanceof Exception failure) {
                    throw failure;
                }
                throw e;
            }
        }
    }
}
