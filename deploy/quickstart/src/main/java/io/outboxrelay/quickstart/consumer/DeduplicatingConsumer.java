package io.outboxrelay.quickstart.consumer;

import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.time.Duration;
import java.util.UUID;

import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.errors.WakeupException;
import org.apache.kafka.common.header.Header;

/**
 * Applies every event to a database once, though it may come more than once. An example to copy.
 *
 * <p>Needs a table for the ids of what was applied:
 *
 * <pre>{@code
 * CREATE TABLE applied_event (id uuid PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now());
 * }</pre>
 *
 * <p>The effects of one aggregate happen in the order of its messages. That holds also for the moment in which Kafka has
 * given a partition to another consumer and the former one does not know it yet: both apply in the same order, and what
 * one has applied the other skips.
 */
public final class DeduplicatingConsumer {

    private static final Duration POLL = Duration.ofSeconds(1);

    private final Consumer<String, byte[]> kafka;
    private final Connection database;
    private final Effect effect;

    /** What an event does to the database. */
    @FunctionalInterface
    public interface Effect {

        /** Writes through this connection only, and leaves commit and rollback to the caller. */
        void apply(Connection database, ConsumerRecord<String, byte[]> event) throws SQLException;
    }

    /**
     * @param kafka subscribed, with {@code enable.auto.commit=false}, and {@code auto.offset.reset=earliest} so that a new
     *     group misses nothing; the caller closes it
     * @param database for this consumer alone; the caller closes it
     * @param effect applied once to each event
     */
    public DeduplicatingConsumer(Consumer<String, byte[]> kafka, Connection database, Effect effect) {
        this.kafka = kafka;
        this.database = database;
        this.effect = effect;
    }

    /** Ends {@link #run} soon. The only method that another thread may call. */
    public void stop() {
        kafka.wakeup();
    }

    // snippet: deduplicating-consumer
    /**
     * Consumes until stopped. A failure ends it, and Kafka's consumer must be closed then: a new one begins at the last
     * committed offset, this one would go on behind the event that failed.
     */
    public void run() throws SQLException {
        database.setAutoCommit(false);
        try {
            while (true) {
                for (ConsumerRecord<String, byte[]> event : kafka.poll(POLL)) {
                    applyOnce(event);
                }
                // Only now: what is in the database may come again, but what is not must.
                kafka.commitSync();
            }
        } catch (WakeupException stopped) {
            // What was applied since the last commitSync() comes again, and is skipped then.
        }
    }

    private void applyOnce(ConsumerRecord<String, byte[]> event) throws SQLException {
        try (PreparedStatement insert =
                database.prepareStatement("INSERT INTO applied_event (id) VALUES (?) ON CONFLICT DO NOTHING")) {
            insert.setObject(1, idOf(event));
            boolean isNew = insert.executeUpdate() == 1;
            if (isNew) {
                effect.apply(database, event);
            }
            database.commit();
        } catch (SQLException | RuntimeException e) {
            database.rollback();
            throw e;
        }
    }

    private static UUID idOf(ConsumerRecord<String, byte[]> event) {
        Header id = event.headers().lastHeader("id");
        return UUID.fromString(new String(id.value(), StandardCharsets.UTF_8));
    }
    // end snippet
}
