package io.outboxrelay.benchmark;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.SQLException;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Debezium Server with its Kafka sink and outbox event router. Its messages are those of the relay: the payload as it is,
 * the aggregate's id as key, and the event's id, type and aggregate type as headers.
 *
 * @param name as it was chosen
 * @param distribution its unpacked distribution
 * @param javaHome a Java that it runs on; empty if there is none
 * @param directory for its configuration, offsets and output
 * @param javaOpts options of its JVM
 * @param properties lines of its configuration, over those that it needs to run at all
 */
record DebeziumServerSubject(
        String name, Path distribution, Optional<Path> javaHome, Path directory, String javaOpts, String properties)
        implements Subject {

    static final int JAVA_VERSION = 21;

    /** What a fair comparison sets: large batches and short waits, as the relay has them, and no more heap than it needs. */
    static final String TUNED = """
            debezium.source.poll.interval.ms=5
            debezium.source.max.batch.size=2048
            debezium.source.offset.flush.interval.ms=1000
            debezium.sink.kafka.producer.compression.type=lz4
            debezium.sink.kafka.producer.batch.size=131072
            debezium.sink.kafka.producer.linger.ms=0""";

    static final String TUNED_JAVA_OPTS = "-Xmx512m";

    private static final String SLOT = "debezium";

    @Override
    public Kind kind() {
        return Kind.OTHER;
    }

    @Override
    public Optional<String> missing() {
        if (!Files.exists(distribution.resolve("run.sh"))) {
            return Optional.of("Debezium Server is not here; the profile debezium-server fetches it");
        }
        return javaHome.isPresent()
                ? Optional.empty()
                : Optional.of("no Java " + JAVA_VERSION + " or newer was found; -Dbenchmark.java21=HOME names one");
    }

    @Override
    public String description() {
        return jar()
                + (javaOpts.isEmpty() ? "" : ", " + javaOpts)
                + (properties.isEmpty() ? ", defaults" : ", " + properties.replace("\n", ", "));
    }

    private String jar() {
        try (Stream<Path> files = Files.list(distribution)) {
            return files.map(file -> file.getFileName().toString())
                    .filter(file -> file.endsWith("-runner.jar"))
                    .map(file -> file.replace("-dist", "").replace("-runner.jar", ""))
                    .findFirst()
                    .orElse("debezium-server");
        } catch (IOException e) {
            return "debezium-server";
        }
    }

    @Override
    public void prepare(Outbox outbox) throws IOException, SQLException {
        Files.deleteIfExists(offsets(outbox));
        outbox.createSlot(SLOT);
    }

    @Override
    public SubjectProcess start(Outbox outbox) throws IOException, SQLException {
        if (!outbox.hasSlot(SLOT)) {
            outbox.createSlot(SLOT);
        }
        Path file = directory.resolve(outbox.topic() + ".properties");
        String lines = """
                quarkus.http.port=0
                quarkus.log.level=INFO
                debezium.sink.type=kafka
                debezium.sink.kafka.producer.bootstrap.servers=%s
                debezium.sink.kafka.producer.key.serializer=org.apache.kafka.common.serialization.StringSerializer
                debezium.sink.kafka.producer.value.serializer=org.apache.kafka.common.serialization.StringSerializer
                debezium.format.key=simplestring
                debezium.format.value=simplestring
                debezium.source.connector.class=io.debezium.connector.postgresql.PostgresConnector
                debezium.source.offset.storage.file.filename=%s
                debezium.source.offset.flush.interval.ms=0
                debezium.source.database.hostname=%s
                debezium.source.database.port=%d
                debezium.source.database.user=%s
                debezium.source.database.password=%s
                debezium.source.database.dbname=%s
                debezium.source.topic.prefix=benchmark
                debezium.source.plugin.name=pgoutput
                debezium.source.slot.name=%s
                debezium.source.publication.name=outbox_relay
                debezium.source.publication.autocreate.mode=disabled
                debezium.source.snapshot.mode=no_data
                debezium.source.table.include.list=public.outbox
                debezium.transforms=outbox
                debezium.transforms.outbox.type=io.debezium.transforms.outbox.EventRouter
                debezium.transforms.outbox.table.field.event.key=aggregate_id
                debezium.transforms.outbox.route.by.field=aggregate_type
                debezium.transforms.outbox.route.topic.replacement=%s
                debezium.transforms.outbox.table.fields.additional.placement=type:header,aggregate_type:header:aggregate-type
                %s
                """.formatted(
                        outbox.bootstrapServers(),
                        offsets(outbox),
                        outbox.address().host(),
                        outbox.address().port(),
                        outbox.address().user(),
                        outbox.address().password(),
                        outbox.address().name(),
                        SLOT,
                        outbox.topic(),
                        properties);
        Files.writeString(file, lastOfEach(lines));
        ProcessBuilder command = new ProcessBuilder("./run.sh").directory(distribution.toFile());
        command.environment().put("JAVA_HOME", javaHome.orElseThrow().toString());
        command.environment().put("JAVA_OPTS", ("-Dsmallrye.config.locations=" + file + " " + javaOpts).strip());
        return SubjectProcess.start(command, directory.resolve(outbox.topic() + ".log"));
    }

    /** Each property once: it warns of two lines for one. */
    private static String lastOfEach(String lines) {
        Map<String, String> byName = new LinkedHashMap<>();
        lines.lines().forEach(line -> byName.put(line.split("=", 2)[0], line));
        return String.join("\n", byName.values());
    }

    private Path offsets(Outbox outbox) {
        return directory.resolve(outbox.topic() + ".offsets");
    }

    @Override
    public String readyLine() {
        return "Processing messages";
    }

    /** Of two lines for one property the later one counts. */
    @Override
    public DebeziumServerSubject with(String lines) {
        return new DebeziumServerSubject(
                name, distribution, javaHome, directory, javaOpts, (properties + "\n" + lines).strip());
    }

    @Override
    public DebeziumServerSubject withHeap(int megabytes) {
        return new DebeziumServerSubject(
                name, distribution, javaHome, directory, (javaOpts + " -Xmx" + megabytes + "m").strip(), properties);
    }

    @Override
    public DebeziumServerSubject keepingRows() {
        return this;
    }

    @Override
    public boolean removesRows() {
        return false;
    }
}
