package io.outboxrelay.relay.chaos;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.LocalTime;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

import io.outboxrelay.testkit.FreePorts;
import io.outboxrelay.testkit.RelayProcess;

/** One of the relays, through all the processes that it has been. All of their output goes to one file. */
final class ChaosRelay implements AutoCloseable {

    private static final Duration STOP_LIMIT = Duration.ofSeconds(60);

    private final String name;
    private final Path distribution;
    private final Path config;
    private final int healthPort = FreePorts.next();
    private final PrintWriter output;

    private RelayProcess process;

    ChaosRelay(String name, Path distribution, Path directory, String configuration) throws IOException {
        this.name = name;
        this.distribution = distribution;
        this.config = directory.resolve("relay-" + name + ".conf");
        Files.writeString(config, configuration + "admin.port = " + healthPort + "\n");
        this.output = new PrintWriter(Files.newBufferedWriter(directory.resolve("relay-" + name + ".log")), true);
    }

    String name() {
        return name;
    }

    int healthPort() {
        return healthPort;
    }

    void start() {
        note("started");
        process = RelayProcess.start(
                distribution,
                Map.of("CONFIG_FORCE_logging_level", System.getProperty("chaos.log", "info")),
                this::write,
                "run",
                "--config",
                config.toString());
    }

    void kill() throws InterruptedException {
        process.kill();
        note("killed");
    }

    void pause() throws InterruptedException {
        process.pause();
        note("paused");
    }

    void resume() throws InterruptedException {
        note("resumed");
        process.resume();
    }

    /** Asks it to stop, and waits until it has; returns its exit code. */
    int stop() throws InterruptedException {
        note("told to stop");
        process.terminate();
        return process.awaitExit(STOP_LIMIT);
    }

    /** Runs another command of the program, beside the relay, to its good end. */
    void command(String... arguments) throws InterruptedException {
        List<String> all = new ArrayList<>(List.of(arguments));
        all.addAll(List.of("--config", config.toString()));
        try (RelayProcess command = RelayProcess.start(distribution, all.toArray(String[]::new))) {
            int exit = command.awaitExit(STOP_LIMIT);
            if (exit != 0) {
                throw new AssertionError(all + " ended with " + exit + ":\n" + String.join("\n", command.output()));
            }
        }
    }

    boolean isAlive() {
        return process != null && process.isAlive();
    }

    long pid() {
        return process.pid();
    }

    /** Writes the threads of the process into the output, for those who ask why it stands still. */
    void dumpThreads() {
        try {
            Process dump = new ProcessBuilder(
                            Path.of(System.getProperty("java.home"), "bin", "jcmd")
                                    .toString(),
                            Long.toString(process.pid()),
                            "Thread.print")
                    .redirectErrorStream(true)
                    .start();
            try (var lines = dump.inputReader()) {
                lines.lines().forEach(this::write);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    void note(String text) {
        write("======== " + LocalTime.now(ZoneId.systemDefault()) + " " + text);
    }

    private synchronized void write(String line) {
        output.println(line);
    }

    @Override
    public void close() {
        if (process != null) {
            process.close();
        }
        output.close();
    }
}
