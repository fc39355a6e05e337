package io.outboxrelay.quickstart;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import javax.sql.DataSource;

import io.outboxrelay.api.DatabaseAddress;
import io.outboxrelay.schema.SchemaScript;
import io.outboxrelay.testkit.KafkaServer;
import io.outboxrelay.testkit.PostgresServer;
import org.postgresql.ds.PGSimpleDataSource;

/** What a relay needs around it: a Postgres with an outbox and the relay's role, a Kafka, and a configuration file. */
final class Surroundings implements AutoCloseable {

    static final String TOPIC = "events.order";

    private static final int PARTITIONS = 3;
    private static final String RELAY_PASSWORD = "only-for-the-quick-start";

    private final PostgresServer postgres;
    private final KafkaServer kafka;

    private Surroundings(PostgresServer postgres, KafkaServer kafka) {
        this.postgres = postgres;
        this.kafka = kafka;
    }

    /** Starts both servers and creates tables and topic. */
    static Surroundings start() throws SQLException {
        CompletableFuture<PostgresServer> postgres = CompletableFuture.supplyAsync(PostgresServer::start);
        KafkaServer kafka = KafkaServer.start();
        Surroundings surroundings = new Surroundings(postgres.join(), kafka);
        kafka.createTopic(TOPIC, PARTITIONS, Map.of());
        surroundings.createSchema();
        return surroundings;
    }

    int postgresVersion() {
        return postgres.version();
    }

    /** As superuser. */
    DatabaseAddress database() {
        return postgres.address();
    }

    /** New connections as superuser. */
    DataSource dataSource() {
        PGSimpleDataSource source = new PGSimpleDataSource();
        source.setServerNames(new String[] {database().host()});
        source.setPortNumbers(new int[] {database().port()});
        source.setDatabaseName(database().name());
        source.setUser(database().user());
        source.setPassword(database().password());
        return source;
    }

    String bootstrapServers() {
        return kafka.bootstrapServers();
    }

    /** Writes all that the relay has to be told here; everything else has a default. */
    void writeConfiguration(Path file) throws IOException {
        Files.createDirectories(file.getParent());
        Files.writeString(file, """
                # Written by the quick start. Everything else has a default.
                database {
                  host = %s
                  port = %d
                  name = %s
                  user = outbox_relay
                  password = "%s"
                }

                broker.kafka {
                  bootstrap-servers = "%s"
                  topics.create = true
                }

                # Any free port; the relay logs it.
                admin.port = 0
                """.formatted(
                        database().host(), database().port(), database().name(), RELAY_PASSWORD, bootstrapServers()));
    }

    @Override
    public void close() {
        kafka.close();
        postgres.close();
    }

    private void createSchema() throws SQLException {
        try (Connection connection = dataSource().getConnection();
                Statement statement = connection.createStatement()) {
            statement.execute(OrderService.TABLE);
            statement.execute(SchemaScript.TABLE.sql());
            statement.execute(SchemaScript.RELAY.sql());
            statement.execute(SchemaScript.DEAD_LETTER.sql());
            statement.execute(SchemaScript.REFUSE_UPDATES.sql());
            statement.execute(SchemaScript.RELAY_ROLE.sql());
            statement.execute("ALTER ROLE outbox_relay PASSWORD '" + RELAY_PASSWORD + "'");
        }
    }
}
