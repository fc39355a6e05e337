package io.outboxrelay.benchmark;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Map;

import io.outboxrelay.api.DatabaseAddress;
import io.outboxrelay.schema.SchemaScript;
import io.outboxrelay.testkit.KafkaServer;
import io.outboxrelay.testkit.TestDatabase;

/**
 * One measurement's database and topic, and the rows in it: numbered from 0, about 280 bytes each, of
 * {@value #AGGREGATES} aggregates in turn. The topic stamps each message with the time at which Kafka stored it.
 */
final class Outbox implements AutoCloseable {

    static final int AGGREGATES = 10_000;
    private static final int PARTITIONS = 6;
    private static final int BACKLOG_ROWS_PER_TRANSACTION = 10;

    /** With it and the other columns a row takes 280 bytes in the table. */
    private static final String FILLER = "x".repeat(150);

    private static final String EVENTS = "INSERT INTO outbox (aggregate_type, aggregate_id, type, payload)"
            + " SELECT 'order', 'order-' || n % " + AGGREGATES + ", 'OrderPlaced',"
            + " jsonb_build_object('n', n, 'filler', '" + FILLER + "')";

    private final TestDatabase database;
    private final KafkaServer kafka;
    private final String topic;

    private Outbox(TestDatabase database, KafkaServer kafka, String topic) {
        this.database = database;
        this.kafka = kafka;
        this.topic = topic;
    }

    static Outbox create(TestDatabase database, KafkaServer kafka, String topic) throws SQLException {
        database.execute(SchemaScript.TABLE.sql());
        database.execute(SchemaScript.RELAY.sql());
        kafka.createTopic(topic, PARTITIONS, Map.of("message.timestamp.type", "LogAppendTime"));
        return new Outbox(database, kafka, topic);
    }

    DatabaseAddress address() {
        return database.address();
    }

    String bootstrapServers() {
        return kafka.bootstrapServers();
    }

    KafkaServer kafka() {
        return kafka;
    }

    String topic() {
        return topic;
    }

    Connection connect() throws SQLException {
        return database.connect();
    }

    /** To another database of the same server. */
    Connection connectElsewhere() throws SQLException {
        return database.connectElsewhere();
    }

    /** Runs SQL in one transaction. */
    void execute(String sql) throws SQLException {
        database.execute(sql);
    }

    /** Commits rows 0 to count - 1, ten in a transaction, in the server itself; then lets the server settle. */
    void commitBacklog(int count) throws SQLException {
        try (Connection connection = connect();
                Statement statement = connection.createStatement()) {
            statement.execute("""
                    DO $$
                    BEGIN
                        FOR i IN 0..%d BY %d LOOP
                            %s FROM generate_series(i, least(i + %d, %d) - 1) n;
                            COMMIT;
                        END LOOP;
                    END
                    $$""".formatted(
                            count - 1, BACKLOG_ROWS_PER_TRANSACTION, EVENTS, BACKLOG_ROWS_PER_TRANSACTION, count));
            statement.execute("CHECKPOINT");
        }
    }

    /** Inserts rows by number; used by one thread, with a connection of its own. */
    static PreparedStatement inserting(Connection connection) throws SQLException {
        return connection.prepareStatement(EVENTS + " FROM unnest(?::bigint[]) n");
    }

    /** Drops the database with its slot; the topic stays. */
    @Override
    public void close() throws SQLException {
        database.close();
    }
}
