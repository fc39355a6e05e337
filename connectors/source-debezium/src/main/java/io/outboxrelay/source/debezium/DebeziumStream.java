package io.outboxrelay.source.debezium;

import java.sql.SQLException;
import java.time.Duration;
import java.util.Optional;
import java.util.UUID;

import io.debezium.engine.ChangeEvent;
import io.outboxrelay.api.EventHandler;
import io.outboxrelay.api.OutboxDatabase;
import io.outboxrelay.api.SourceBusyException;
import io.outboxrelay.postgres.Checkpoint;
import io.outboxrelay.postgres.Cleanup;
import io.outboxrelay.postgres.FirstRows;
import io.outboxrelay.postgres.LogPosition;
import io.outboxrelay.postgres.LogStart;
import io.outboxrelay.postgres.LogStream;
import io.outboxrelay.postgres.Lsn;
import io.outboxrelay.postgres.Progress;
import io.outboxrelay.postgres.ReplicationSlot;
import org.apache.kafka.connect.source.SourceRecord;

/** One engine and its consumer. */
final class DebeziumStream implements LogStream {

    /** What the engine calls the session that streams. */
    static final String APPLICATION = "Debezium Streaming";

    /** What the creation of a slot ends with, which the engine begins without a word. */
    private static final String QUERY_CANCELED = "57014";

    private final DebeziumSettings settings;
    private final LogPosition position;
    private final Intake<ChangeEvent<SourceRecord, SourceRecord>> intake = new Intake<>();
    private final LogReader reader;
    private final Engine engine;

    /** Where all was settled when the stream was told to take no more. */
    private volatile Optional<Lsn> all = Optional.empty();

    DebeziumStream(
            DebeziumSettings settings,
            OutboxDatabase database,
            LogPosition position,
            LogStart start,
            EventHandler handler,
            Cleanup cleanup,
            Progress progress) {
        this.settings = settings;
        this.position = position;
        Optional<String> key = cleanup.isNeeded()
                ? database.table()
                        .columns()
                        .seq()
                        .or(() -> Optional.of(database.table().columns().id()))
                : Optional.empty();
        String name = "outbox-relay-" + UUID.randomUUID();
        this.reader = new LogReader(
                handler,
                new RowMapper(database.table(), name, key),
                position,
                start.checkpoint(),
                new FirstRows(start.snapshot(), settings.maxBatchRows(), settings.maxQueueBytes()),
                cleanup,
                settings.reader().positionInterval(),
                intake,
                progress);
        this.engine = new Engine(EngineProperties.of(database, settings, key, name), reader);
    }

    @Override
    public void start() {
        engine.start();
    }

    @Override
    public boolean awaitEnd(Duration atMost) throws InterruptedException {
        return engine.awaitEnd(atMost);
    }

    @Override
    public Exception cause() {
        if (reader.failure().isPresent()) {
            return reader.failure().get();
        }
        Throwable failure =
                engine.failure().orElseGet(() -> new IllegalStateException("the engine ended without a reason"));
        Throwable root = failure;
        for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
            root = cause;
            if (cause instanceof SQLException sql && sql.getSQLState() != null) {
                return explained(sql);
            }
        }
        return new IllegalStateException("the stream from the log ended: " + root.getMessage(), failure);
    }

    @Override
    public boolean isStreaming() {
        return reader.isStreaming();
    }

    @Override
    public Checkpoint checkpoint() {
        return reader.checkpoint();
    }

    @Override
    public boolean settle(Duration atMost) throws InterruptedException {
        intake.stop();
        all = intake.awaitSettled(atMost);
        return all.isPresent();
    }

    @Override
    public void close() {
        intake.close();
    }

    @Override
    public boolean end(Duration atMost) throws InterruptedException {
        return engine.close(atMost);
    }

    @Override
    public Optional<Checkpoint> settled() throws SQLException {
        if (!reader.endHandOver()) {
            return Optional.empty();
        }
        return all.or(reader::settledSoFar)
                .filter(lsn -> lsn.isAfter(reader.checkpoint().settled()))
                .map(lsn -> reader.checkpoint().at(lsn));
    }

    private Exception explained(SQLException failure) {
        if (QUERY_CANCELED.equals(failure.getSQLState()) && !reader.isStreaming()) {
            return new SQLException(
                    "the replication slot " + settings.reader().slot()
                            + " was not there any more when the stream was opened",
                    failure.getSQLState(),
                    failure);
        }
        if (ReplicationSlot.IN_USE.equals(failure.getSQLState())) {
            return new SourceBusyException("the replication slot "
                    + settings.reader().slot() + " is read by "
                    + position.holder().map(Object::toString).orElse("another relay"));
        }
        return new SQLException(
                "the stream from the log ended: " + failure.getMessage(), failure.getSQLState(), failure);
    }
}
