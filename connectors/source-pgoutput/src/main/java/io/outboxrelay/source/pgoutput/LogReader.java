package io.outboxrelay.source.pgoutput;

import java.nio.ByteBuffer;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;

import io.outboxrelay.api.AfterDelivery;
import io.outboxrelay.api.Code;
import io.outboxrelay.api.CodedSqlException;
import io.outboxrelay.api.EventHandler;
import io.outboxrelay.api.OutboxDatabase;
import io.outboxrelay.api.OutboxEvent;
import io.outboxrelay.api.PositionLostException;
import io.outboxrelay.postgres.Cleanup;
import io.outboxrelay.postgres.FirstRows;
import io.outboxrelay.postgres.LogPosition;
import io.outboxrelay.postgres.LogStart;
import io.outboxrelay.postgres.Progress;
import io.outboxrelay.postgres.ReplicationSlot;
import io.outboxrelay.postgres.RowKey;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Reads the stream and hands rows over, all on one thread, the only one that touches the stream unless it is lent. Whatever
 * is waited for, the server is answered meanwhile.
 */
final class LogReader {

    private static final Logger log = LoggerFactory.getLogger(LogReader.class);

    /** How often a wait for room looks after the stream. */
    private static final Duration LOOK = Duration.ofMillis(100);

    /** Rows of complete transactions are handed over at once, unless others were so lately: more may be on their way. */
    private static final long LINGER_NANOS = TimeUnit.MILLISECONDS.toNanos(1);

    /** A stream that was quiet for so long is looked at less often, which costs an idle relay less. */
    private static final long QUIET_NANOS = TimeUnit.MILLISECONDS.toNanos(100);

    private static final long PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(4);

    /** How often updates are named in the log at most. */
    private static final long TELL_AGAIN_NANOS = TimeUnit.SECONDS.toNanos(10);

    private final PgoutputSettings settings;
    private final OutboxDatabase database;
    private final LogPosition position;
    private final LogStart start;
    private final EventHandler handler;
    private final Cleanup cleanup;
    private final Progress progress;
    private final FirstRows first;
    private final Acknowledger acknowledger;
    private final Decoder decoder;
    private final Stopping stopping;

    private volatile ReplicationStream stream;
    private volatile boolean streaming;
    private StandIn standIn;

    private Batch batch = Batch.withRoom(0);
    private long bytes;
    private long handedOverAt = System.nanoTime();
    private long quietSince = System.nanoTime();
    private long updates;
    private long updatesToldAt = System.nanoTime() - TELL_AGAIN_NANOS;

    /** @param stopping what ends it */
    LogReader(
            PgoutputSettings settings,
            OutboxDatabase database,
            LogPosition position,
            LogStart start,
            EventHandler handler,
            Cleanup cleanup,
            Progress progress,
            FirstRows first,
            Acknowledger acknowledger,
            Decoder decoder,
            Stopping stopping) {
        this.settings = settings;
        this.database = database;
        this.position = position;
        this.start = start;
        this.handler = handler;
        this.cleanup = cleanup;
        this.progress = progress;
        this.first = first;
        this.acknowledger = acknowledger;
        this.decoder = decoder;
        this.stopping = stopping;
    }

    /** Whether the handler was told that rows come. */
    boolean isStreaming() {
        return streaming;
    }

    /** Reads until it is told to end. */
    void read() throws Exception {
        try (ReplicationStream opened = ReplicationStream.connect(database.address())) {
            stream = opened;
            if (stopping.isClosed()) {
                return;
            }
            requirePublication();
            opened.start(settings, start.checkpoint().settled());
            try (StandIn helping = new StandIn(opened, settings.statusInterval())) {
                standIn = helping;
                helping.start();
                begin(opened);
                takeFirst();
                takeLog();
                // What was read last is confirmed at the stop.
                acknowledger.requireWhole();
                while (!stopping.isClosed()) {
                    acknowledger.look(System.nanoTime(), true);
                    LockSupport.parkNanos(PAUSE_NANOS);
                }
            }
        }
    }

    /** Ends the connection under it. Any thread may call it. */
    void abort() {
        ReplicationStream opened = stream;
        if (opened != null) {
            try {
                opened.abort();
            } catch (SQLException e) {
                log.debug("The stream's connection did not end in good order", e);
            }
        }
    }

    /** Without it the server would fail with the first row, and since Postgres 18 pass over all of them with a warning. */
    private void requirePublication() throws SQLException {
        String publication = settings.reader().publication();
        try (Connection connection = database.dataSource().getConnection();
                PreparedStatement query = connection.prepareStatement("SELECT FROM pg_publication WHERE pubname = ?")) {
            query.setString(1, publication);
            try (ResultSet row = query.executeQuery()) {
                if (!row.next()) {
                    throw new CodedSqlException(
                            Code.PUBLICATION_MISSING,
                            "the publication " + publication + " does not exist in database "
                                    + database.address().name(),
                            null);
                }
            }
        }
    }

    private void begin(ReplicationStream opened) throws Exception {
        ReplicationSlot slot = standIn.during(() -> position.verify(start.checkpoint()));
        progress.streaming(slot.activePid().orElseThrow());
        acknowledger.begin(opened);
        progress.pause(); // To open a broker may take long.
        try {
            standIn.during(() -> {
                handler.streaming();
                return null;
            });
        } finally {
            progress.goOn();
        }
        streaming = true;
    }

    /** What the snapshot sees; what the log tells follows without waiting until that is settled. */
    private void takeFirst() throws Exception {
        while (!first.isComplete() && !stopping.isCutHere(true)) {
            List<OutboxEvent> page = standIn.during(first::next);
            acknowledger.look(System.nanoTime(), false);
            if (!page.isEmpty() && awaitRoom(stopping::isStopping)) {
                acknowledger.addFirst(
                        deliver(new Batch(page, page.stream().map(RowKey::seen).toList())));
            }
        }
    }

    private void takeLog() throws Exception {
        while (!stopping.isCutHere(!decoder.isInTransaction() && batch.isEmpty())) {
            ByteBuffer message = stream.next();
            long now = System.nanoTime();
            if (message == null) {
                handOver(now);
                rest(now);
            } else {
                quietSince = now;
                take(message, now);
            }
            acknowledger.look(now, batch.isEmpty());
        }
    }

    private void take(ByteBuffer message, long now) throws Exception {
        switch (decoder.read(message)) {
            case EVENT -> {
                OutboxEvent event = decoder.event();
                batch.events().add(event);
                if (cleanup.isNeeded()) {
                    batch.keys().add(decoder.key());
                }
                bytes += event.size();
                if (batch.events().size() >= settings.maxBatchRows() || bytes >= settings.maxBatchBytes()) {
                    handOver(now);
                }
            }
            case COMMIT -> {
                acknowledger.read(decoder.end());
                if (now - handedOverAt >= LINGER_NANOS || stopping.isStopping()) {
                    handOver(now);
                }
            }
            case UPDATE -> tellUpdate(now);
            case OTHER -> {}
        }
    }

    private void handOver(long now) throws Exception {
        if (batch.isEmpty() || !awaitRoom(stopping::isClosed)) {
            return;
        }
        acknowledger.requireWhole();
        Batch full = batch;
        batch = Batch.withRoom(full.events().size());
        bytes = 0;
        handedOverAt = now;
        acknowledger.add(deliver(full));
    }

    /** Nothing more has come. */
    private void rest(long now) {
        if (!decoder.isInTransaction()) {
            acknowledger.read(stream.received());
        }
        if (now - quietSince > QUIET_NANOS) {
            LockSupport.parkNanos(PAUSE_NANOS);
        }
    }

    private CompletionStage<Void> deliver(Batch full) throws Exception {
        progress.pause();
        try {
            return standIn.during(() -> cleanup.deliver(handler, full.events(), full.keys(), row -> {}));
        } finally {
            progress.goOn();
        }
    }

    /** False if the source was ended meanwhile. */
    private boolean awaitRoom(BooleanSupplier ended) throws InterruptedException, SQLException, PositionLostException {
        progress.pause();
        try {
            while (!handler.awaitRoom(LOOK) || !cleanup.awaitRoom(LOOK)) {
                if (ended.getAsBoolean()) {
                    return false;
                }
                acknowledger.look(System.nanoTime(), false);
            }
            return !ended.getAsBoolean();
        } finally {
            progress.goOn();
        }
    }

    private void tellUpdate(long now) {
        if (database.afterDelivery().action() == AfterDelivery.Action.MARK) {
            return; // It is our own.
        }
        updates++;
        if (now - updatesToldAt < TELL_AGAIN_NANOS) {
            return;
        }
        updatesToldAt = now;
        log.error(
                "{} The row with id {} was updated; an event never changes, so nothing is relayed (update number {} of this"
                        + " run). Remedy: let the service insert a new row, and the publication publish inserts alone:"
                        + " ALTER PUBLICATION ... SET (publish = 'insert')",
                Code.ROW_UPDATED,
                decoder.updated(),
                updates);
    }
}
