package io.outboxrelay.relay;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;

import io.outboxrelay.api.Code;
import io.outboxrelay.api.SourceStatus.RetainedLog;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Looks once a second at what the server keeps of its log for a run, and ends the run before the log fills the disk. */
final class RetainedLogWatch implements AutoCloseable {

    private static final Logger log = LoggerFactory.getLogger(RetainedLogWatch.class);

    private final Run run;
    private final RetainedLogLimit limit;
    private final BooleanSupplier canLeave;

    private Future<?> looking = CompletableFuture.completedFuture(null);

    /** @param canLeave whether the table could be read instead */
    RetainedLogWatch(Run run, RetainedLogLimit limit, BooleanSupplier canLeave) {
        this.run = run;
        this.limit = limit;
        this.canLeave = canLeave;
    }

    void start(ScheduledExecutorService clock) {
        looking = clock.scheduleWithFixedDelay(this::lookSafely, 1, 1, TimeUnit.SECONDS);
    }

    @Override
    public void close() {
        looking.cancel(false);
    }

    private void lookSafely() {
        try {
            run.status().log().ifPresent(this::look);
        } catch (RuntimeException | Error e) {
            // Thrown on, it would end the looking for good, without a word.
            log.error("{} Looking after the retained log failed", Code.UNEXPECTED, e);
        }
    }

    private void look(RetainedLog kept) {
        limit.excess(kept, canLeave).ifPresent(text -> run.abort(new AbortedException(Code.LOG_LIMIT, text, true)));
    }
}
