package io.outboxrelay.relay;

import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import java.util.function.Function;

import io.outboxrelay.api.OutboxSource;
import io.outboxrelay.api.SourceStatus;
import io.outboxrelay.relay.delivery.Delivery;

/** One run of one source, from its opening to its end, with the delivery that it hands its events to. */
final class Run implements AutoCloseable {

    /** A broker that is well answers within that, also on a busy machine. */
    private static final Duration DRAIN = Duration.ofSeconds(2);

    private final LogOrTable.Mode mode;
    private final OutboxSource source;
    private final Consumer<Run> onStreaming;
    private final Delivery delivery;
    private final AtomicReference<AbortedException> aborted = new AtomicReference<>();

    private volatile long streamingSince;
    private volatile boolean streams;
    private volatile String reason;

    /**
     * @param mode what the source reads
     * @param reason why not the log; empty where nothing is wrong
     * @param source not begun yet; closed with the run
     * @param delivery makes the delivery, which is given what to call when the source has begun to read
     * @param onStreaming told of that
     */
    Run(
            LogOrTable.Mode mode,
            String reason,
            OutboxSource source,
            Function<Runnable, Delivery> delivery,
            Consumer<Run> onStreaming) {
        this.mode = mode;
        this.reason = reason;
        this.source = source;
        this.onStreaming = onStreaming;
        this.delivery = delivery.apply(this::streaming);
    }

    /**
     * Reads until it is told to stop. Blocks.
     *
     * @throws AbortedException if it was aborted
     */
    void execute() throws Exception {
        try {
            source.run(delivery);
        } catch (Exception e) {
            requireNotAborted(e);
            throw e;
        }
        requireNotAborted(null);
    }

    /** Ends the run in good order; as {@link OutboxSource#stop}. */
    boolean stop(Duration atMost) throws InterruptedException {
        return source.stop(atMost);
    }

    /** Ends the run at once: nothing more is sent, and {@link #execute} throws this. */
    void abort(AbortedException why) {
        aborted.compareAndSet(null, why);
        delivery.close();
        source.close();
    }

    /** Whether the source has begun to read. */
    boolean isStreaming() {
        return streams;
    }

    /** For how long the source has been reading. */
    Duration streamedFor() {
        return streams ? Duration.ofNanos(System.nanoTime() - streamingSince) : Duration.ZERO;
    }

    LogOrTable.Mode mode() {
        return mode;
    }

    /** Why not the log; empty where nothing is wrong. */
    String reason() {
        return reason;
    }

    void reason(String why) {
        reason = why;
    }

    SourceStatus status() {
        return source.status();
    }

    Delivery delivery() {
        return delivery;
    }

    /**
     * Ends the run, if it has not ended. What the broker has on its way is waited for, unless it takes long: stored later, it
     * would come between what the next run sends.
     */
    @Override
    public void close() {
        source.close();
        try {
            delivery.drain(DRAIN);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt(); // It is closed all the same.
        }
        delivery.close();
    }

    private void streaming() {
        streamingSince = System.nanoTime();
        streams = true;
        onStreaming.accept(this);
    }

    private void requireNotAborted(Exception consequence) throws AbortedException {
        Optional<AbortedException> why = Optional.ofNullable(aborted.get());
        if (why.isPresent()) {
            if (consequence != null) {
                why.get().addSuppressed(consequence);
            }
            throw why.get();
        }
    }
}
