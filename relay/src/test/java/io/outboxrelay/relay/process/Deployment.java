package io.outboxrelay.relay.process;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

import io.outboxrelay.api.DatabaseAddress;
import io.outboxrelay.schema.OutboxTable;
import io.outboxrelay.schema.SchemaScript;
import io.outboxrelay.testkit.KafkaServer;
import io.outboxrelay.testkit.PostgresServer;
import io.outboxrelay.testkit.RelayProcess;
import io.outboxrelay.testkit.StoredRecord;
import io.outboxrelay.testkit.TestDatabase;
import io.outboxrelay.testkit.history.HistoryChecker;
import io.outboxrelay.testkit.history.Received;
import io.outboxrelay.testkit.history.Reference;
import io.outboxrelay.testkit.history.Verdict;
import io.outboxrelay.testkit.workload.Workload;
import io.outboxrelay.testkit.workload.WorkloadPlan;
import org.awaitility.Awaitility;

import static org.assertj.core.api.Assertions.assertThat;

/** One database with an outbox, one topic, one configuration file, and the relays that a test starts with it. */
final class Deployment implements AutoCloseable {

    static final Path DISTRIBUTION = Path.of(System.getProperty("outbox-relay.distribution", "target/outbox-relay"));

    /** Long enough for a loaded machine; what waits for it ends as soon as it comes true. */
    static final Duration PATIENCE = Duration.ofSeconds(90);

    /** What reads the log where a test does not say so: {@code -Drelay.source=pgoutput} runs them all on the other reader. */
    static final String SOURCE = System.getProperty("relay.source", "debezium");

    private final TestDatabase database;
    private final KafkaServer kafka;
    private final String topic;
    private final Path config;
    private final List<RelayProcess> relays = new ArrayList<>();

    private Deployment(TestDatabase database, KafkaServer kafka, String moreConfig) throws IOException {
        this.database = database;
        this.kafka = kafka;
        this.topic = "events." + database.address().name();
        this.config = Files.createTempFile("outbox-relay-", ".conf");
        configure(moreConfig);
    }

    /** With the table of {@code outbox-schema} and a topic of four partitions. */
    static Deployment create(PostgresServer postgres, KafkaServer kafka) throws IOException, SQLException {
        return create(
                postgres.createDatabase(),
                kafka,
                SchemaScript.TABLE.sql() + SchemaScript.RELAY.sql() + SchemaScript.DEAD_LETTER.sql(),
                "");
    }

    /** With other SQL for the outbox, and more configuration, which wins. */
    static Deployment create(TestDatabase database, KafkaServer kafka, String sql, String moreConfig)
            throws IOException, SQLException {
        database.execute(sql);
        Deployment deployment = new Deployment(database, kafka, moreConfig);
        kafka.createTopic(deployment.topic, 4, Map.of("max.message.bytes", "20000000"));
        return deployment;
    }

    /** Every kind of source that reads the log. */
    static Stream<String> readersOfTheLog() {
        return Stream.of("debezium", "pgoutput");
    }

    /** Writes the configuration file anew, with more settings, which win. */
    void configure(String more) throws IOException {
        DatabaseAddress address = database.address();
        Files.writeString(
                config,
                """
                database { host = "%s", port = %d, name = "%s", user = "%s", password = "%s" }
                source { type = %s, debezium { slot = "%s" }, pgoutput { slot = "%s" } }
                broker.kafka { bootstrap-servers = "%s" }
                delivery.topic = "%s"
                admin.port = 0
                """.formatted(
                                        address.host(),
                                        address.port(),
                                        address.name(),
                                        address.user(),
                                        address.password(),
                                        SOURCE,
                                        address.name(),
                                        address.name(),
                                        kafka.bootstrapServers(),
                                        topic)
                        + more);
    }

    /** Starts a relay and waits until it reads the log, or the table where that is what it is to read. */
    RelayProcess startRelay() {
        return awaitReading(launchRelay());
    }

    /** The same with more in its environment. */
    RelayProcess startRelay(Map<String, String> environment) {
        RelayProcess relay =
                RelayProcess.start(DISTRIBUTION, environment, line -> {}, "run", "--config", config.toString());
        relays.add(relay);
        return awaitReading(relay);
    }

    private static RelayProcess awaitReading(RelayProcess relay) {
        Awaitility.await("the relay to read")
                .atMost(PATIENCE)
                .pollInterval(Duration.ofMillis(10))
                .failFast(() ->
                        assertThat(relay.isAlive()).as("%s", relay.output()).isTrue())
                .until(() -> relay.output().stream()
                        .anyMatch(line -> line.contains("STREAMING") || line.contains("POLLING")));
        return relay;
    }

    /** Starts a relay and waits for nothing. */
    RelayProcess launchRelay() {
        RelayProcess relay = RelayProcess.start(DISTRIBUTION, "run", "--config", config.toString());
        relays.add(relay);
        return relay;
    }

    /** Starts a relay that logs as much as it can, and waits until it streams. */
    RelayProcess startVerboseRelay() throws InterruptedException {
        RelayProcess relay = RelayProcess.start(
                DISTRIBUTION,
                Map.of("CONFIG_FORCE_logging_level", "trace"),
                line -> {},
                "run",
                "--verbose",
                "--config",
                config.toString());
        relays.add(relay);
        relay.awaitLine("STREAMING", PATIENCE);
        return relay;
    }

    /** Runs another command of the program to its end. */
    RelayProcess command(String... arguments) throws InterruptedException {
        return command(Map.of(), arguments);
    }

    /** The same with more in its environment. */
    RelayProcess command(Map<String, String> environment, String... arguments) throws InterruptedException {
        List<String> all = new ArrayList<>(List.of(arguments));
        all.addAll(List.of("--config", config.toString()));
        RelayProcess command = RelayProcess.start(DISTRIBUTION, environment, line -> {}, all.toArray(String[]::new));
        relays.add(command);
        command.awaitExit(PATIENCE);
        return command;
    }

    /** Inserts one event in a transaction of its own and returns its id. */
    String insert(String aggregateId, String payload) throws SQLException {
        try (Connection connection = database.connect();
                var insert =
                        connection.prepareStatement("INSERT INTO outbox (aggregate_type, aggregate_id, type, payload)"
                                + " VALUES ('order', ?, 'placed', to_jsonb(?::text)) RETURNING id")) {
            insert.setString(1, aggregateId);
            insert.setString(2, payload);
            try (ResultSet id = insert.executeQuery()) {
                id.next();
                return id.getString(1);
            }
        }
    }

    /** Waits until everything is stored, and the relay knows it: a row leaves the table only then. */
    void awaitEmptyTable() {
        awaitEmptyTable(PATIENCE);
    }

    /** The same, for as long. */
    void awaitEmptyTable(Duration patience) {
        Awaitility.await("the relay to remove what is stored")
                .atMost(patience)
                .until(() -> query("SELECT NOT EXISTS (SELECT FROM outbox)").equals("t"));
    }

    /** The first so many messages of the topic; waits for them. */
    List<StoredRecord> read(int count) {
        return kafka.read(topic, count, PATIENCE);
    }

    /** Creates the slot, as an administrator may, so that rows written before the first start are in the log. */
    void createSlot() throws SQLException {
        query("SELECT pg_create_logical_replication_slot('%s', 'pgoutput')"
                .formatted(database.address().name()));
    }

    /** Drops the slot, as somebody does who means it: its reader is ended first, again and again until the slot is free. */
    void dropSlot() {
        String slot = database.address().name();
        Awaitility.await("the slot to be free for a moment, and dropped")
                .atMost(PATIENCE)
                .pollInterval(Duration.ofMillis(5))
                .ignoreExceptions()
                .until(() -> {
                    query("SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots"
                            + " WHERE active_pid IS NOT NULL AND slot_name = '" + slot + "'");
                    query("SELECT pg_drop_replication_slot('" + slot + "')");
                    return true;
                });
    }

    /** Writes log that is about no row. */
    void writeLog(int megabytes) throws SQLException {
        for (int i = 0; i < megabytes; i++) {
            query("SELECT pg_logical_emit_message(false, 'test', repeat('x', 1048576))");
        }
    }

    /** Creates the slot and starts concurrent writers on the outbox. */
    Workload startWorkload(WorkloadPlan plan) throws SQLException {
        createSlot();
        return Workload.start(database.address(), OutboxTable.DEFAULT, plan);
    }

    /** Ends the writers, waits until all that they committed is in the topic, and judges the topic's history. */
    Verdict judge(Workload workload) throws SQLException {
        workload.stop();
        Reference reference = workload.reference();
        long deadline = System.nanoTime() + PATIENCE.toNanos();
        List<Received> received = readAll();
        while (distinct(received) < reference.size() && System.nanoTime() < deadline) {
            received = readAll();
        }
        return HistoryChecker.check(reference, received);
    }

    /** Waits until the writers have committed so many more events. */
    static void awaitMore(Workload workload, int events) {
        int before = workload.committed();
        Awaitility.await("writers to commit " + events + " more events")
                .atMost(PATIENCE)
                .until(() -> workload.committed() >= before + events);
    }

    /** All that the topic holds now. */
    List<Received> readAll() {
        return records().stream().map(Received::from).toList();
    }

    /** The same, whole. */
    List<StoredRecord> records() {
        return kafka.topics().readAll(topic);
    }

    /** One value of one row. */
    String query(String sql) throws SQLException {
        try (Connection connection = database.connect();
                Statement statement = connection.createStatement();
                ResultSet row = statement.executeQuery(sql)) {
            return row.next() ? row.getString(1) : null;
        }
    }

    /** How many messages of the topic repeat an event that came before. */
    long duplicates() {
        List<Received> received = readAll();
        return received.size() - distinct(received);
    }

    private static long distinct(List<Received> received) {
        return received.stream().map(Received::eventId).distinct().count();
    }

    TestDatabase database() {
        return database;
    }

    String topic() {
        return topic;
    }

    /** Ends what runs and drops the database. What the relays said stays under {@code target/relays}: a red test is read there. */
    @Override
    public void close() throws SQLException, IOException {
        relays.forEach(RelayProcess::close);
        keepOutput();
        database.close();
        Files.deleteIfExists(config);
    }

    private void keepOutput() throws IOException {
        Path directory = Files.createDirectories(Path.of("target/relays"));
        for (int i = 0; i < relays.size(); i++) {
            Files.write(
                    directory.resolve(database.address().name() + "-" + i + ".log"),
                    relays.get(i).output());
        }
    }
}
