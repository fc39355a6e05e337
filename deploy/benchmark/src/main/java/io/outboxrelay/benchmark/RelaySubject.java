package io.outboxrelay.benchmark;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.SQLException;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * The relay's distribution with one of its sources.
 *
 * @param name as it was chosen
 * @param source the type of its source
 * @param distribution the folder with {@code bin/outbox-relay}
 * @param directory for its configuration and output
 * @param javaOpts options of its JVM, over those of its script
 * @param configuration lines of its configuration, over those that it needs to run at all
 * @param removesRows whether rows leave the table
 */
record RelaySubject(
        String name,
        String source,
        Path distribution,
        Path directory,
        String javaOpts,
        String configuration,
        boolean removesRows)
        implements Subject {

    static final String POLLING = "polling";

    /** The line of the log that tells that the table is read. */
    static final String READS_TABLE = "POLLING";

    private static final String READS_LOG = "STREAMING";

    @Override
    public Kind kind() {
        return source.equals(POLLING) ? Kind.RELAY_BY_TABLE : Kind.RELAY_BY_LOG;
    }

    @Override
    public Optional<String> missing() {
        try (Stream<Path> jars = Files.list(distribution.resolve("lib"))) {
            return jars.anyMatch(jar -> jar.getFileName().toString().startsWith("source-" + source + "-"))
                    ? Optional.empty()
                    : Optional.of("this distribution of the relay has no source " + source);
        } catch (IOException e) {
            return Optional.of(distribution + " is no distribution of the relay: build it first");
        }
    }

    /** With the archive of classes that the image has. */
    @Override
    public void install() throws IOException, InterruptedException {
        if (Files.exists(distribution.resolve("lib/classes.jsa"))) {
            return;
        }
        int exitCode = new ProcessBuilder(
                        distribution.resolve("bin/outbox-relay").toString(), "class-archive")
                .inheritIO()
                .start()
                .waitFor();
        if (exitCode != 0) {
            throw new IOException("outbox-relay class-archive ended with " + exitCode);
        }
    }

    @Override
    public String description() {
        return "outbox-relay with a class archive, source.type = " + source + ", " + javaOpts
                + (configuration.isEmpty() ? "" : ", " + configuration.replace("\n", ", "));
    }

    /** The first start makes the slot; the table needs no preparation. */
    @Override
    public void prepare(Outbox outbox) throws IOException, InterruptedException, SQLException {
        if (kind() == Kind.RELAY_BY_LOG) {
            try (SubjectProcess first = startReady(outbox)) {
                first.stop();
            }
        }
    }

    @Override
    public SubjectProcess start(Outbox outbox) throws IOException {
        Path file = directory.resolve(outbox.topic() + ".conf");
        Files.writeString(file, """
                database {
                  host = %s
                  port = %d
                  name = %s
                  user = %s
                  password = "%s"
                }
                source.type = %s
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
                        source,
                        outbox.bootstrapServers(),
                        outbox.topic(),
                        configuration));
        ProcessBuilder command = new ProcessBuilder(
                distribution.resolve("bin/outbox-relay").toString(), "run", "--config", file.toString());
        command.environment().put("JAVA_OPTS", javaOpts);
        return SubjectProcess.start(command, directory.resolve(outbox.topic() + ".log"));
    }

    @Override
    public String readyLine() {
        return kind() == Kind.RELAY_BY_LOG ? READS_LOG : READS_TABLE;
    }

    @Override
    public RelaySubject with(String lines) {
        return new RelaySubject(
                name, source, distribution, directory, javaOpts, (configuration + "\n" + lines).strip(), removesRows);
    }

    @Override
    public RelaySubject withHeap(int megabytes) {
        return new RelaySubject(
                name,
                source,
                distribution,
                directory,
                javaOpts + " -Xmx" + megabytes + "m",
                configuration,
                removesRows);
    }

    @Override
    public RelaySubject keepingRows() {
        RelaySubject keeping = with(
                "outbox.after-delivery = keep\nsource.fallback = none\nsource." + source + ".existing-rows = skip");
        return new RelaySubject(name, source, distribution, directory, javaOpts, keeping.configuration, false);
    }
}
