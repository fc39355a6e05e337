package io.outboxrelay.benchmark;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.TimeUnit;

/** A subject's process. Its output is in a file. It ends with this JVM at the latest. For one thread. */
final class SubjectProcess implements AutoCloseable {

    private static final Duration LIMIT = Duration.ofSeconds(90);

    private final Process process;
    private final Path log;
    private final Thread killer;
    private double processorSeconds;
    private double mostResidentMegabytes;

    private SubjectProcess(Process process, Path log) {
        this.process = process;
        this.log = log;
        this.killer = new Thread(process::destroyForcibly);
        Runtime.getRuntime().addShutdownHook(killer);
    }

    /** Starts the command; the process that is started must be, or become, the one that is measured. */
    static SubjectProcess start(ProcessBuilder command, Path log) throws IOException {
        Files.deleteIfExists(log);
        return new SubjectProcess(
                command.redirectErrorStream(true).redirectOutput(log.toFile()).start(), log);
    }

    /** Waits for a line of output that holds this text; one that came before counts. */
    SubjectProcess awaitLine(String text) throws IOException, InterruptedException {
        Patience patience = new Patience("\"" + text + "\" in " + log, LIMIT);
        while (!output().contains(text)) {
            requireAlive();
            patience.pause();
        }
        return this;
    }

    boolean isAlive() {
        return process.isAlive();
    }

    /** Fails with the end of its output if the process has ended. */
    void requireAlive() throws IOException {
        if (!isAlive()) {
            throw new IllegalStateException(
                    "the process has ended with status " + process.exitValue() + ":\n" + endOfOutput());
        }
    }

    /** Resident memory, as Linux tells it, now; of a process that has ended, 0. */
    double residentMegabytes() {
        double now = 0;
        try (BufferedReader status = Files.newBufferedReader(Path.of("/proc/" + process.pid() + "/status"))) {
            now = status.lines()
                    .filter(line -> line.startsWith("VmRSS:"))
                    .mapToDouble(line -> Long.parseLong(line.replaceAll("\\D", "")) * 1024 / 1e6)
                    .findFirst()
                    .orElse(0);
        } catch (IOException ended) {
            return 0;
        }
        mostResidentMegabytes = Math.max(mostResidentMegabytes, now);
        return now;
    }

    /** The most of all answers of {@link #residentMegabytes}. */
    double mostResidentMegabytes() {
        residentMegabytes();
        return mostResidentMegabytes;
    }

    /** Processor time used so far; of a process that has ended, what was seen last. */
    double processorSeconds() {
        process.info().totalCpuDuration().ifPresent(time -> processorSeconds = time.toMillis() / 1e3);
        return processorSeconds;
    }

    /** Asks it to end, and waits. */
    void stop() throws IOException, InterruptedException {
        process.toHandle().destroy();
        if (!process.waitFor(LIMIT.toMillis(), TimeUnit.MILLISECONDS)) {
            throw new IllegalStateException(
                    "still running " + LIMIT.toSeconds() + " s after it was asked to stop:\n" + endOfOutput());
        }
    }

    /** The status with which it has ended. */
    int status() {
        return process.exitValue();
    }

    /** The end of what it said, for an error. */
    String endOfOutput() throws IOException {
        String output = output();
        return output.substring(Math.max(0, output.length() - 4_000));
    }

    private String output() throws IOException {
        return new String(Files.readAllBytes(log), StandardCharsets.UTF_8);
    }

    @Override
    public void close() {
        process.destroyForcibly().onExit().join();
        Runtime.getRuntime().removeShutdownHook(killer);
    }
}
