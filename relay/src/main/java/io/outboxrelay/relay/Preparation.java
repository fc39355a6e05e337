package io.outboxrelay.relay;

import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

import io.outboxrelay.api.OutboxSource;

/** A source that is made ready on a thread of its own, while another may read. */
final class Preparation implements AutoCloseable {

    private final OutboxSource source;
    private final CompletableFuture<Void> ready = new CompletableFuture<>();
    private boolean taken;

    private Preparation(OutboxSource source) {
        this.source = source;
    }

    /** Begins. The source is closed with the preparation, unless it is taken first. */
    static Preparation of(OutboxSource source) {
        Preparation preparation = new Preparation(source);
        Thread thread = new Thread(preparation::prepare, "outbox-relay-prepare");
        thread.setDaemon(true);
        thread.start();
        return preparation;
    }

    /**
     * Waits until the source is ready.
     *
     * @return false if it is not ready yet
     * @throws Exception what failed
     */
    boolean await(Duration atMost) throws Exception {
        try {
            ready.get(atMost.toMillis(), TimeUnit.MILLISECONDS);
            return true;
        } catch (TimeoutException e) {
            return false;
        } catch (ExecutionException e) {
            if (e.getCause() instanceof Exception failure) {
                throw failure;
            }
            throw e;
        }
    }

    /** The source, which is the caller's to close from now on. */
    synchronized OutboxSource take() {
        taken = true;
        return source;
    }

    @Override
    public synchronized void close() {
        if (!taken) {
            source.close();
        }
    }

    private void prepare() {
        try {
            source.prepare();
            ready.complete(null);
        } catch (Throwable e) { // Whatever it is, it is thrown where the source is awaited.
            ready.completeExceptionally(e);
        }
    }
}
