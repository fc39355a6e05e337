package io.outboxrelay.benchmark;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;

import io.outboxrelay.testkit.RelayProcess;

/** What is measured: the relay's distribution as a process with {@value #JAVA_OPTS}. */
final class Relay {

    static final String JAVA_OPTS = "-Xmx128m";

    private final Path distribution;
    private final Path directory;
    private final String moreJavaOpts;

    /**
     * @param distribution the folder with {@code bin/outbox-relay}
     * @param directory for its configuration and logs
     * @param moreJavaOpts further options, such as those that profile it
     */
    Relay(Path distribution, Path directory, String moreJavaOpts) throws IOException {
        this.distribution = distribution;
        this.directory = Files.createDirectories(directory);
        this.moreJavaOpts = moreJavaOpts;
    }

    /** Starts it for this outbox, with every setting at its default; returns at once. */
    Running start(Outbox outbox) throws IOException {
        return start(outbox, "");
    }

    /** Starts it for this outbox, with more configuration; returns at once. */
    Running start(Outbox outbox, String more) throws IOException {
        Path configuration = directory.resolve(outbox.topic() + ".conf");
        Files.writeString(configuration, """
                database {
                  host = %s
                  port = %d
                  name = %s
                  user = %s
                  password = "%s"
                }
                broker.kafka.bootstrap-servers = "%s"
                delivery.topic = "%s"
                admin.port = 0
                %s
                """.formatted(
                        outbox.address().host(),
                        outbox.address().port(),
                        outbox.address().name(),
                        outbox.address().user(),
                        outbox.address().password(),
                        outbox.bootstrapServers(),
                        outbox.topic(),
                        more));
        return new Running(outbox, configuration);
    }

    /** One process. */
    final class Running implements AutoCloseable {

        private static final Duration LIMIT = Duration.ofSeconds(60);

        private final PrintWriter log;
        private final RelayProcess process;

        private Running(Outbox outbox, Path configuration) throws IOException {
            this.log = new PrintWriter(Files.newBufferedWriter(directory.resolve(outbox.topic() + ".log")), true);
            this.process = RelayProcess.start(
                    distribution,
                    Map.of("JAVA_OPTS", JAVA_OPTS + " " + moreJavaOpts),
                    this.log::println,
                    "run",
                    "--config",
                    configuration.toString());
        }

        /** Waits until it reads the log. */
        Running awaitStreaming() throws InterruptedException {
            process.awaitLine("STREAMING", LIMIT);
            return this;
        }

        /** Waits until it reads the table. */
        Running awaitPolling() throws InterruptedException {
            process.awaitLine("POLLING", LIMIT);
            return this;
        }

        void requireAlive() {
            if (!process.isAlive()) {
                throw new IllegalStateException("the relay has ended:\n" + String.join("\n", process.output()));
            }
        }

        double residentMegabytes() {
            return process.residentBytes().orElse(0L) / 1e6;
        }

        double processorSeconds() {
            return process.processorTime().orElse(Duration.ZERO).toMillis() / 1e3;
        }

        void stop() throws InterruptedException {
            process.terminate();
            process.awaitExit(LIMIT);
        }

        @Override
        public void close() {
            process.close();
            log.close();
        }
    }
}
