package io.outboxrelay.quickstart;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;

import io.outboxrelay.testkit.RelayProcess;

/** The relay as a process, its log in a file. */
final class RunningRelay implements AutoCloseable {

    private static final Duration START_LIMIT = Duration.ofSeconds(60);
    private static final Duration STOP_LIMIT = Duration.ofSeconds(30);

    private final PrintWriter log;
    private final RelayProcess process;

    /**
     * @param distribution the folder with {@code bin/outbox-relay}
     * @param configuration its configuration file
     * @param logFile where its output goes
     */
    RunningRelay(Path distribution, Path configuration, Path logFile) throws IOException {
        log = new PrintWriter(Files.newBufferedWriter(logFile), true);
        process = RelayProcess.start(distribution, Map.of(), log::println, "run", "--config", configuration.toString());
    }

    /** Waits until it reads the log: from then on every commit is relayed. */
    void awaitStreaming() throws InterruptedException {
        process.awaitLine("STREAMING", START_LIMIT);
    }

    void requireAlive() {
        if (!process.isAlive()) {
            throw new IllegalStateException("the relay has ended");
        }
    }

    long pid() {
        return process.pid();
    }

    /** Stops it as an operator would, and waits. */
    void stop() throws InterruptedException {
        process.terminate();
        int exitCode = process.awaitExit(STOP_LIMIT);
        if (exitCode != 0) {
            throw new IllegalStateException("the relay ended with exit code " + exitCode);
        }
    }

    @Override
    public void close() {
        process.close();
        log.close();
    }
}
