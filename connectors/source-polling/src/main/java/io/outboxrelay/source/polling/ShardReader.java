package io.outboxrelay.source.polling;

import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

import io.outboxrelay.api.EventHandler;
import io.outboxrelay.api.OutboxDatabase;
import io.outboxrelay.api.OutboxEvent;
import io.outboxrelay.postgres.Cleanup;
import io.outboxrelay.postgres.OutboxRows;
import io.outboxrelay.postgres.OutboxRows.Page;
import io.outboxrelay.postgres.OutboxRows.Shard;
import io.outboxrelay.postgres.SeqPosition;

/**
 * Reads one shard of one table page by page, in the order of {@code seq}, and hands it over. Used by one thread.
 *
 * <p>Every page is all that is unsent and not in flight behind the {@link Horizon}, as one snapshot shows it. From time to
 * time, and whenever that costs little, a page begins at the start of the table: for rows whose {@code seq} was drawn
 * before the statement that inserted them, which the horizon cannot know of.
 */
final class ShardReader {

    /** A rescan follows another after this time, or after ten times of what that one took. */
    private static final long RESCAN_NANOS = Duration.ofMillis(500).toNanos();

    private static final int RESCAN_SHARE = 10;

    private final OutboxDatabase database;
    private final PollingSettings settings;
    private final Optional<Shard> shard;
    private final OutboxRows rows;
    private final InFlight inFlight;
    private final Horizon horizon;

    private long last = Long.MIN_VALUE;
    private long nextRescan = System.nanoTime();
    private List<OutboxEvent> page = List.of();

    ShardReader(OutboxDatabase database, PollingSettings settings, int shard, Cleanup cleanup) {
        this.database = database;
        this.settings = settings;
        this.shard = settings.shards() == 1 ? Optional.empty() : Optional.of(new Shard(shard, settings.shards()));
        this.rows = new OutboxRows(database);
        this.inFlight = new InFlight(cleanup);
        this.horizon = new Horizon(database.table());
    }

    /** What was handed over and is not cleaned yet. */
    InFlight inFlight() {
        return inFlight;
    }

    /** Reads the next page, in place of the one before. */
    void read() throws SQLException {
        try (Connection connection = database.dataSource().getConnection()) {
            horizon.look(connection, last);
            long began = System.nanoTime();
            boolean isRescan = began - nextRescan >= 0;
            long after = isRescan ? Long.MIN_VALUE : horizon.bound();
            // Asked before the snapshot is taken: a row that leaves the set later was left out, one that left it is
            // gone.
            List<Long> except = inFlight.behind(after);
            page = rows.read(
                    connection,
                    new Page(after, Long.MAX_VALUE, except, shard, settings.maxBatchRows(), settings.maxBatchBytes()));
            if (isRescan) {
                long now = System.nanoTime();
                nextRescan = now + Math.max(RESCAN_NANOS, RESCAN_SHARE * (now - began));
            }
        }
    }

    /** Whether the last page held nothing. */
    boolean isEmpty() {
        return page.isEmpty();
    }

    /** Whether there may be more behind the last page. */
    boolean isFull() {
        return page.size() >= settings.maxBatchRows()
                || page.stream().mapToLong(OutboxEvent::size).sum() >= settings.maxBatchBytes() / 2;
    }

    /** Hands the last page over. */
    void handOver(EventHandler handler) throws InterruptedException {
        if (page.isEmpty()) {
            horizon.handedOver(Long.MAX_VALUE);
            return;
        }
        inFlight.handOver(page, handler);
        long end = SeqPosition.of(page.get(page.size() - 1));
        last = Math.max(last, end);
        horizon.handedOver(end);
    }
}
