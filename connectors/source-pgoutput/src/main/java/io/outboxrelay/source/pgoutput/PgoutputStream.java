package io.outboxrelay.source.pgoutput;

import java.sql.SQLException;
import java.time.Duration;
import java.util.Optional;

import io.outboxrelay.api.Coded;
import io.outboxrelay.api.EventHandler;
import io.outboxrelay.api.OutboxDatabase;
import io.outboxrelay.api.SourceBusyException;
import io.outboxrelay.postgres.Checkpoint;
import io.outboxrelay.postgres.Cleanup;
import io.outboxrelay.postgres.FirstRows;
import io.outboxrelay.postgres.LogPosition;
import io.outboxrelay.postgres.LogStart;
import io.outboxrelay.postgres.LogStream;
import io.outboxrelay.postgres.Progress;
import io.outboxrelay.postgres.ReplicationSlot;

/** One reader, with the thread that it runs on. */
final class PgoutputStream implements LogStream {

    private final String slot;
    private final LogPosition position;
    private final Stopping stopping = new Stopping();
    private final Acknowledger acknowledger;
    private final LogReader reader;
    private final Thread thread;

    private volatile Exception failure;
    private volatile boolean told;

    PgoutputStream(
            PgoutputSettings settings,
            OutboxDatabase database,
            LogPosition position,
            LogStart start,
            EventHandler handler,
            Cleanup cleanup,
            Progress progress) {
        this.slot = settings.reader().slot();
        this.position = position;
        Optional<String> key = cleanup.isNeeded()
                ? database.table()
                        .columns()
                        .seq()
                        .or(() -> Optional.of(database.table().columns().id()))
                : Optional.empty();
        FirstRows first = new FirstRows(start.snapshot(), settings.maxBatchRows(), settings.maxBatchBytes());
        this.acknowledger =
                new Acknowledger(settings, position, start.checkpoint(), first, progress, stopping::changed);
        this.reader = new LogReader(
                settings,
                database,
                position,
                start,
                handler,
                cleanup,
                progress,
                first,
                acknowledger,
                new Decoder(database.table(), key, settings.messagePrefix(), BaseTypes.of(database.dataSource())),
                stopping);
        this.thread = new Thread(this::run, "outbox-relay-stream");
        thread.setDaemon(true);
    }

    @Override
    public void start() {
        thread.start();
    }

    private void run() {
        try {
            reader.read();
        } catch (Exception e) {
            failure = e;
        } catch (Error e) {
            failure = new IllegalStateException("the reader failed: " + e, e);
        } finally {
            stopping.close();
        }
    }

    @Override
    public boolean awaitEnd(Duration atMost) throws InterruptedException {
        thread.join(Math.max(1, atMost.toMillis()));
        return !thread.isAlive();
    }

    @Override
    public Exception cause() {
        Exception cause = failure;
        if (cause == null) {
            return new IllegalStateException("the stream ended without a reason");
        }
        if (!(cause instanceof SQLException sql) || cause instanceof Coded) {
            return cause;
        }
        if (ReplicationSlot.IN_USE.equals(sql.getSQLState())) {
            return new SourceBusyException("the replication slot " + slot + " is read by "
                    + position.holder().map(Object::toString).orElse("another relay"));
        }
        return new SQLException("the stream from the log ended: " + sql.getMessage(), sql.getSQLState(), sql);
    }

    @Override
    public boolean isStreaming() {
        return reader.isStreaming();
    }

    @Override
    public Checkpoint checkpoint() {
        return acknowledger.checkpoint();
    }

    @Override
    public boolean settle(Duration atMost) throws InterruptedException {
        return stopping.stop(atMost, acknowledger::isSettled);
    }

    @Override
    public void close() {
        stopping.close();
    }

    @Override
    public boolean end(Duration atMost) throws InterruptedException {
        stopping.close();
        if (told) {
            // It waits for the server, which may be for ever.
            reader.abort();
        }
        told = true;
        return awaitEnd(atMost) && acknowledger.end(atMost);
    }

    @Override
    public Optional<Checkpoint> settled() throws SQLException {
        return acknowledger.last(stopping.isCut() && failure == null);
    }
}
