package io.outboxrelay.testkit;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/**
 * The relay's distribution as a process of its own, started by its own script. Its output is kept line by line. Safe for
 * use by any thread; the process ends with this JVM at the latest.
 */
public final class RelayProcess implements AutoCloseable {

    private final Process process;
    private final Thread reader;
    private final Thread killer;
    private final List<String> lines = new ArrayList<>();

    private RelayProcess(Process process, Consumer<String> onLine) {
        this.process = process;
        this.reader = new Thread(() -> read(onLine), "relay-output-" + process.pid());
        this.reader.setDaemon(true);
        this.reader.start();
        this.killer = new Thread(process::destroyForcibly);
        Runtime.getRuntime().addShutdownHook(killer);
    }

    /**
     * Starts {@code outbox-relay} with these arguments.
     *
     * @param distribution the folder with {@code bin/outbox-relay}
     * @param environment set in addition to this process's own
     * @param onLine told of every line of output, as it comes
     */
    public static RelayProcess start(
            Path distribution, Map<String, String> environment, Consumer<String> onLine, String... arguments) {
        List<String> command = new ArrayList<>();
        command.add(distribution.resolve("bin/outbox-relay").toString());
        command.addAll(List.of(arguments));
        ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
        builder.environment().putAll(environment);
        try {
            return new RelayProcess(builder.start(), onLine);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Starts {@code outbox-relay} with these arguments, and keeps its output for {@link #output}. */
    public static RelayProcess start(Path distribution, String... arguments) {
        return start(distribution, Map.of(), line -> {}, arguments);
    }

    /** All lines so far, standard output and standard error together. */
    public List<String> output() {
        synchronized (lines) {
            return List.copyOf(lines);
        }
    }

    /** Waits for a line that holds this text; one that came before counts. Fails with the output if none comes or the process ends. */
    public void awaitLine(String text, Duration atMost) throws InterruptedException {
        awaitLines(text, 1, atMost);
    }

    /** The same for so many lines in all. */
    public void awaitLines(String text, int count, Duration atMost) throws InterruptedException {
        long deadline = System.nanoTime() + atMost.toNanos();
        synchronized (lines) {
            while (lines.stream().filter(line -> line.contains(text)).count() < count) {
                long millis = TimeUnit.NANOSECONDS.toMillis(deadline - System.nanoTime());
                if (millis <= 0 || (!process.isAlive() && !reader.isAlive())) {
                    throw new AssertionError("not " + count + " line(s) with \"" + text + "\" within "
                            + atMost.toSeconds() + " s; the relay said:\n" + String.join("\n", lines));
                }
                lines.wait(Math.min(millis, 100));
            }
        }
    }

    /** Ends the process as {@code kill -9} does, and waits until it is gone. */
    public void kill() throws InterruptedException {
        process.toHandle().destroyForcibly();
        process.waitFor();
    }

    /** Makes the process stand still, as a machine that is out of breath does; {@link #resume} lets it go on. */
    public void pause() throws InterruptedException {
        signal("STOP");
    }

    /** Lets a paused process go on. */
    public void resume() throws InterruptedException {
        signal("CONT");
    }

    private void signal(String name) throws InterruptedException {
        try {
            int status = new ProcessBuilder("kill", "-" + name, Long.toString(pid()))
                    .start()
                    .waitFor();
            if (status != 0) {
                throw new IllegalStateException("kill -" + name + " " + pid() + " ended with status " + status);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Asks the process to end, as {@code kill -TERM} does. */
    public void terminate() {
        // Process.destroy() would close the output too, and with it the last lines.
        process.toHandle().destroy();
    }

    /** Waits for the end of the process. */
    public int awaitExit(Duration atMost) throws InterruptedException {
        if (!process.waitFor(atMost.toMillis(), TimeUnit.MILLISECONDS)) {
            throw new AssertionError("still running after " + atMost.toSeconds() + " s; the relay said:\n"
                    + String.join("\n", output()));
        }
        reader.join(5_000);
        return process.exitValue();
    }

    /** Whether the process runs. */
    public boolean isAlive() {
        return process.isAlive();
    }

    /** The process id. */
    public long pid() {
        return process.pid();
    }

    /** Kills the process if it still runs, and waits until it is gone. */
    @Override
    public void close() {
        process.destroyForcibly().onExit().join();
        Runtime.getRuntime().removeShutdownHook(killer);
    }

    private void read(Consumer<String> onLine) {
        try (BufferedReader output = process.inputReader(StandardCharsets.UTF_8)) {
            for (String line = output.readLine(); line != null; line = output.readLine()) {
                onLine.accept(line);
                synchronized (lines) {
                    lines.add(line);
                    lines.notifyAll();
                }
            }
        } catch (IOException e) {
            synchronized (lines) {
                lines.add("(the output could not be read to its end: " + e.getMessage() + ")");
                lines.notifyAll();
            }
        }
    }
}
