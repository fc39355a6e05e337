package io.outboxrelay.benchmark;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Map;

import io.outboxrelay.api.DatabaseAddress;
import io.outboxrelay.schema.SchemaScript;
import io.outboxrelay.testkit.KafkaServer;
import io.outboxrelay.testkit.TestDatabase;

/**
 * One measurement's database and topic, and the rows in it. The topic stamps each message with the time at which Kafka
 * stored it.
 */
final class Outbox implements AutoCloseable {

    private static final int PARTITIONS = 6;

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

    /** Commits the rows, in the server itself; then lets the server settle. */
    void commit(Rows rows) throws SQLException {
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
                    rows.count() - 1, rows.perTransaction(), rows.insert(), rows.perTransaction(), rows.count()));
            statement.execute("CHECKPOINT");
        }
    }

    /** Inserts rows of this kind by number; used by one thread, with a connection of its own. */
    static PreparedStatement inserting(Connection connection, Rows rows) throws SQLException {
        return connection.prepareStatement(rows.insert() + " FROM unnest(?::bigint[]) n");
    }

    boolean isEmpty() throws SQLException {
        return ask("SELECT NOT EXISTS (SELECT FROM outbox)", Boolean.class);
    }

    /** Makes a slot at the end of the log. */
    void createSlot(String slot) throws SQLException {
        ask("SELECT pg_create_logical_replication_slot('" + slot + "', 'pgoutput')::text", String.class);
    }

    boolean hasSlot(String slot) throws SQLException {
        return ask("SELECT EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = '" + slot + "')", Boolean.class);
    }

    /** How many inserted rows the slot has before it. Nothing is consumed. */
    long insertsBefore(String slot) throws SQLException {
        return ask(
                "SELECT count(*) FROM pg_logical_slot_peek_binary_changes('" + slot
                        + "', NULL, NULL, 'proto_version', '1',"
                        + " 'publication_names', 'outbox_relay') WHERE get_byte(data, 0) = ascii('I')",
                Long.class);
    }

    String endOfLog() throws SQLException {
        return ask("SELECT pg_current_wal_lsn()::text", String.class);
    }

    private <T> T ask(String question, Class<T> type) throws SQLException {
        try (Connection connection = connect();
                Statement statement = connection.createStatement();
                ResultSet row = statement.executeQuery(question)) {
            row.next();
            return row.getObject(1, type);
        }
    }

    /** Drops the database with its slot; the topic stays. */
    @Override
    public void close() throws SQLException {
        database.close();
    }
}
