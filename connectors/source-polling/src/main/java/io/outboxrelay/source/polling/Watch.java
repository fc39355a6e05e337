package io.outboxrelay.source.polling;

import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

import io.outboxrelay.api.OutboxDatabase;
import io.outboxrelay.postgres.DirectConnection;
import io.outboxrelay.postgres.OutboxRows;
import io.outboxrelay.schema.Identifier;
import org.postgresql.PGConnection;

/**
 * Wakes idle lanes when there are rows: by one small query for all of them every {@code max-poll-interval}, and by
 * notifications if they are enabled. Has a connection of its own, since notifications need one.
 */
final class Watch implements AutoCloseable {

    /** The driver gives up on a statement after this; longer than it waits for notifications. */
    private static final int SOCKET_TIMEOUT_SECONDS = 90;

    /** The most that looking from the start of the table may take of the time. */
    private static final int START_SHARE = 10;

    private final OutboxRows rows;
    private final PollingSettings settings;
    private final Bell bell;
    private final Consumer<Exception> onFailure;
    private final Connection connection;
    private final CountDownLatch closed = new CountDownLatch(1);
    private final Thread thread;

    private Watch(
            OutboxDatabase database,
            PollingSettings settings,
            Bell bell,
            Connection connection,
            Consumer<Exception> onFailure) {
        this.rows = new OutboxRows(database);
        this.settings = settings;
        this.bell = bell;
        this.onFailure = onFailure;
        this.connection = connection;
        this.thread = new Thread(this::work, "outbox-relay-watch");
        thread.setDaemon(true);
    }

    /** Connects. */
    static Watch open(OutboxDatabase database, PollingSettings settings, Bell bell, Consumer<Exception> onFailure)
            throws SQLException {
        Connection connection = DirectConnection.open(
                database.address(),
                properties -> properties.setProperty("socketTimeout", Integer.toString(SOCKET_TIMEOUT_SECONDS)));
        try (Statement statement = connection.createStatement()) {
            if (settings.channel().isPresent()) {
                statement.execute(
                        "LISTEN " + Identifier.quote(settings.channel().get()));
            }
            return new Watch(database, settings, bell, connection, onFailure);
        } catch (SQLException | RuntimeException e) {
            connection.close();
            throw e;
        }
    }

    /** Begins. */
    void start() {
        thread.start();
    }

    /** Ends at once. */
    @Override
    public void close() throws SQLException {
        closed.countDown();
        connection.abort(Runnable::run);
        try {
            thread.join();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void work() {
        try {
            long nextStart = System.nanoTime();
            long next = System.nanoTime() + settings.maxPollInterval().toNanos();
            while (closed.getCount() > 0) {
                if (await(next - System.nanoTime())) {
                    bell.ring();
                }
                if (System.nanoTime() - next >= 0) {
                    if (bell.isAwaited()) {
                        nextStart = look(nextStart);
                    }
                    next = System.nanoTime() + settings.maxPollInterval().toNanos();
                }
            }
        } catch (SQLException | RuntimeException e) {
            if (closed.getCount() > 0) {
                onFailure.accept(e);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /**
     * Wakes the lanes if there may be rows. Where many deleted rows lie at the start, only sometimes; otherwise the lanes
     * look for themselves, each from where it need not step over them.
     */
    private long look(long nextStart) throws SQLException {
        long began = System.nanoTime();
        if (began - nextStart < 0) {
            bell.ring();
            return nextStart;
        }
        if (rows.any(connection, Long.MIN_VALUE)) {
            bell.ring();
        }
        long now = System.nanoTime();
        return now + START_SHARE * (now - began);
    }

    /** Whether notifications came meanwhile. */
    private boolean await(long nanos) throws SQLException, InterruptedException {
        long millis = Math.max(1, Duration.ofNanos(nanos).toMillis());
        if (settings.channel().isEmpty()) {
            closed.await(millis, TimeUnit.MILLISECONDS);
            return false;
        }
        Object[] notifications = connection.unwrap(PGConnection.class).getNotifications((int) millis);
        return notifications != null && notifications.length > 0;
    }
}
