package io.outboxrelay.benchmark;

import java.sql.SQLException;
import java.util.Map;

import io.outboxrelay.testkit.KafkaServer;
import io.outboxrelay.testkit.PostgresServer;

/**
 * One Postgres and one Kafka for all measurements, on the machine that is measured. {@code fsync} is off, so that the
 * disk is not what is measured; {@code synchronous_commit} is on, because Postgres sends only what it has flushed.
 */
final class Servers implements AutoCloseable {

    /** Room for the log of a whole measurement, so that no checkpoint falls into it. */
    private static final Map<String, String> POSTGRES =
            Map.of("max_wal_size", "8GB", "checkpoint_timeout", "1h", "shared_buffers", "256MB");

    private final PostgresServer postgres = PostgresServer.start(POSTGRES);
    private final KafkaServer kafka = KafkaServer.start();
    private int outboxes;

    /** A new database with an outbox, and a new topic for its events. */
    Outbox newOutbox(String workload) throws SQLException {
        return Outbox.create(postgres.createDatabase(), kafka, workload + "-" + ++outboxes);
    }

    String postgresVersion() {
        return System.getProperty("postgres.version");
    }

    @Override
    public void close() {
        kafka.close();
        postgres.close();
    }
}
