package io.outboxrelay.relay.chaos;

import java.io.IOException;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;

import io.outboxrelay.schema.OutboxTable;
import io.outboxrelay.schema.SchemaScript;
import io.outboxrelay.testkit.FreePorts;
import io.outboxrelay.testkit.KafkaProcess;
import io.outboxrelay.testkit.PostgresServer;
import io.outboxrelay.testkit.TestDatabase;
import io.outboxrelay.testkit.history.Received;
import io.outboxrelay.testkit.network.TcpProxy;
import io.outboxrelay.testkit.workload.Workload;
import io.outboxrelay.testkit.workload.WorkloadPlan;
import org.awaitility.Awaitility;

/**
 * All that takes part: a Postgres and a Kafka of its own, a network before each, two relays of the distribution behind
 * those networks, and writers and a consumer who are spared.
 */
final class Scene implements AutoCloseable {

    private static final String TOPIC = "events";
    private static final String SLOT = "chaos";
    private static final String SOURCE = System.getProperty("relay.source", "debezium");
    private static final Duration PATIENCE = Duration.ofMinutes(2);

    /** A connection that is dead at one end only must end at the other before a test loses its patience. */
    private static final Map<String, String> POSTGRES = Map.of("wal_sender_timeout", "5s");

    /**
     * Time-outs that are shorter than the defaults, so that an outage of seconds is as long for them as one of minutes is
     * for those.
     */
    private static final String CONFIGURATION = """
            database { host = localhost, port = %d, name = "%s", user = "%s", password = "%s" }
            database.properties { socketTimeout = 8 }
            source.type = %s
            source.debezium { slot = chaos, progress-timeout = 5s, audit-after = 60s }
            source.pgoutput { slot = chaos, progress-timeout = 5s, audit-after = 60s }
            source.fallback-after = 20s
            broker.kafka { bootstrap-servers = "localhost:%d", answer-timeout = 4s, producer { request.timeout.ms = 5000 } }
            delivery { topic = events, retry { initial = 100ms, max = 2s } }
            restart { initial = 200ms, max = 2s }
            delivery.on-rejected = park-key
            shutdown.timeout = 10s
            """;

    private final Optional<SmallDisk> disk;
    private final PostgresServer postgres;
    private final KafkaProcess kafka;
    private final TestDatabase database;
    private final TcpProxy toPostgres;
    private final TcpProxy toKafka;
    private final List<ChaosRelay> relays;
    private final List<Probe> probes;
    private int marks;

    /**
     * Starts it all, and the relays last.
     *
     * @param distribution the program
     * @param directory for the logs of what takes part
     * @param withSmallDisk whether to give Kafka a disk that can be filled, if the machine allows
     */
    Scene(Path distribution, Path directory, boolean withSmallDisk) throws IOException, SQLException {
        disk = withSmallDisk ? SmallDisk.mount() : Optional.empty();
        postgres = PostgresServer.start(POSTGRES);
        Path kafkaLog = directory.resolve("kafka.log");
        kafka = disk.isPresent()
                ? KafkaProcess.startIn(disk.get().directory(), kafkaLog)
                : KafkaProcess.start(kafkaLog);
        kafka.createTopic(TOPIC, 4, Map.of());
        database = postgres.createDatabase();
        database.execute(SchemaScript.TABLE.sql() + SchemaScript.RELAY.sql() + SchemaScript.DEAD_LETTER.sql());
        database.execute("SELECT pg_create_logical_replication_slot('" + SLOT + "', 'pgoutput')");
        toPostgres = TcpProxy.listen(
                FreePorts.next(), database.address().host(), database.address().port());
        toKafka = TcpProxy.listen(kafka.proxyPort(), "localhost", kafka.proxiedPort());
        String configuration = CONFIGURATION.formatted(
                toPostgres.port(),
                database.address().name(),
                database.address().user(),
                database.address().password(),
                SOURCE,
                toKafka.port());
        relays = List.of(
                new ChaosRelay("a", distribution, directory, configuration),
                new ChaosRelay("b", distribution, directory, configuration));
        relays.forEach(ChaosRelay::start);
        probes = relays.stream().map(relay -> new Probe(relay.healthPort())).toList();
    }

    PostgresServer postgres() {
        return postgres;
    }

    KafkaProcess kafka() {
        return kafka;
    }

    TcpProxy toPostgres() {
        return toPostgres;
    }

    TcpProxy toKafka() {
        return toKafka;
    }

    List<ChaosRelay> relays() {
        return relays;
    }

    Optional<SmallDisk> disk() {
        return disk;
    }

    Workload startWorkload(WorkloadPlan plan) throws SQLException {
        return Workload.start(database.address(), OutboxTable.DEFAULT, plan);
    }

    PoisonWriter startPoison(long seed) {
        return new PoisonWriter(database, seed);
    }

    /** Commits one more event, of an aggregate for such events, and returns its id. */
    String mark() throws SQLException {
        String id = UUID.randomUUID().toString();
        try (Connection connection = database.connect()) {
            connection.setAutoCommit(false);
            new NotedEvent(id, "mark", ++marks, "{\"mark\": " + marks + "}", "{}").insert(connection);
        }
        return id;
    }

    /** How many events are put aside. */
    int putAside() throws SQLException {
        try (Connection connection = database.connect();
                Statement statement = connection.createStatement();
                ResultSet row = statement.executeQuery("SELECT count(*) FROM outbox_dead_letter")) {
            row.next();
            return row.getInt(1);
        }
    }

    /** Mends what the poison writer wrote, as an operator does, and says that it is to be sent now; waits for that. */
    void redrive() throws SQLException, InterruptedException {
        database.execute("UPDATE outbox_dead_letter SET headers = NULL WHERE headers = '"
                + PoisonWriter.POISONOUS_HEADERS + "'");
        relays.get(0).command("dead-letters", "redrive", "--all");
        Awaitility.await("all that was put aside to be sent")
                .atMost(PATIENCE)
                .pollInterval(Duration.ofMillis(200))
                .until(() -> putAside() == 0);
    }

    Arrivals followTopic() {
        return new Arrivals(kafka, TOPIC);
    }

    List<Received> received() {
        return kafka.topics().readAll(TOPIC).stream().map(Received::from).toList();
    }

    /** The relay that reads; waits until there is one. */
    ChaosRelay leader() {
        return relays.get(leaderNumber());
    }

    /** The other one. */
    ChaosRelay standby() {
        return relays.get(1 - leaderNumber());
    }

    Probe probe(ChaosRelay relay) {
        return probes.get(relays.indexOf(relay));
    }

    /** Whether a relay reads, and the other is ready to. */
    boolean isWhole() {
        return probes.stream().anyMatch(Probe::works) && probes.stream().allMatch(Probe::isReady);
    }

    String states() {
        return probes.get(0).state() + " and " + probes.get(1).state();
    }

    /** Drops the slot, as somebody does who means it: its reader is ended first, again and again until the slot is free. */
    void dropSlot() {
        Awaitility.await("the slot to be free for a moment, and dropped")
                .atMost(PATIENCE)
                .pollInterval(Duration.ofMillis(5))
                .ignoreExceptions()
                .until(() -> {
                    try (Connection connection = database.connect();
                            Statement statement = connection.createStatement()) {
                        statement.execute("SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots"
                                + " WHERE active_pid IS NOT NULL AND slot_name = '" + SLOT + "'");
                        statement.execute("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots"
                                + " WHERE slot_name = '" + SLOT + "'");
                        return true;
                    }
                });
    }

    @Override
    public void close() throws IOException {
        probes.forEach(Probe::close);
        relays.forEach(ChaosRelay::close);
        toPostgres.close();
        toKafka.close();
        kafka.close();
        postgres.close();
        if (disk.isPresent()) {
            disk.get().close();
        }
    }

    private int leaderNumber() {
        Awaitility.await("one of the relays to read")
                .atMost(PATIENCE)
                .pollInterval(Duration.ofMillis(20))
                .until(() -> probes.stream().anyMatch(Probe::works));
        return probes.get(0).works() ? 0 : 1;
    }
}
