package io.outboxrelay.relay.command;

import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

import io.outboxrelay.api.Code;
import io.outboxrelay.relay.Relay;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Stops the relay in good order when SIGTERM or SIGINT comes, and then ends the process with the relay's own exit code;
 * left to itself the JVM would end with 143 or 130.
 */
final class StopOnSignal implements AutoCloseable {

    private static final Logger log = LoggerFactory.getLogger(StopOnSignal.class);

    /** What closing connections may take after the orderly stop. */
    private static final Duration GRACE = Duration.ofSeconds(10);

    private final Duration limit;
    private final CompletableFuture<Relay> relay = new CompletableFuture<>();
    private final CompletableFuture<Integer> exitCode = new CompletableFuture<>();
    private final Thread hook = new Thread(this::stop, "outbox-relay-stop");

    private StopOnSignal(Duration limit) {
        this.limit = limit.plus(GRACE);
    }

    /**
     * Listens from now on.
     *
     * @param shutdownTimeout how long the orderly stop may take; somewhat later the process ends in any case
     */
    static StopOnSignal listen(Duration shutdownTimeout) {
        StopOnSignal listening = new StopOnSignal(shutdownTimeout);
        Runtime.getRuntime().addShutdownHook(listening.hook);
        return listening;
    }

    /** Runs the relay until it ends. */
    int run(Relay toRun) throws InterruptedException {
        relay.complete(toRun);
        return toRun.run();
    }

    /** Says that all is closed. */
    void ended(int code) {
        exitCode.complete(code);
    }

    /** Listens no more, unless a signal came. */
    @Override
    public void close() {
        exitCode.complete(ExitCode.FAILED);
        try {
            Runtime.getRuntime().removeShutdownHook(hook);
        } catch (IllegalStateException e) {
            log.debug("The process is ending already: {}", e.getMessage());
        }
    }

    private void stop() {
        if (!relay.isDone()) {
            Runtime.getRuntime().halt(ExitCode.FINE);
        }
        Thread stopping = new Thread(this::stopRelay, "outbox-relay-stopping");
        stopping.setDaemon(true);
        stopping.start();
        int code = ExitCode.FAILED;
        try {
            code = exitCode.get(limit.toMillis(), TimeUnit.MILLISECONDS);
            log.info("Stopped");
        } catch (TimeoutException e) {
            log.error("{} Not stopped within {} s; ending in any case", Code.STOP_FORCED, limit.toSeconds());
        } catch (ExecutionException | InterruptedException e) {
            log.error("{} Not stopped in good order", Code.STOP_FORCED, e);
        }
        Runtime.getRuntime().halt(code);
    }

    private void stopRelay() {
        try {
            relay.join().stop();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
