package io.outboxrelay.postgres;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.concurrent.TimeUnit;

import io.outboxrelay.api.Code;
import io.outboxrelay.api.DatabaseTimeouts;
import io.outboxrelay.api.OutboxDatabase;
import io.outboxrelay.schema.Identifier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Creates a replication slot. The server waits meanwhile until every transaction that was writing has ended, which may
 * take hours; another thread may give up the wait.
 */
final class SlotCreation {

    private static final Logger log = LoggerFactory.getLogger(SlotCreation.class);

    private static final long AGAIN_MILLIS = 50;

    /** A server that has not obeyed by then is cut off, or dead without a word. */
    private static final long CANCEL_NANOS = TimeUnit.SECONDS.toNanos(5);

    private final OutboxDatabase database;

    private boolean cancelled;
    private int backend;
    private String backendStart;
    private Connection creating;

    SlotCreation(OutboxDatabase database) {
        this.database = database;
    }

    /**
     * Creates it, with its snapshot.
     *
     * @throws SQLException with state {@code 57014} if it was given up: then nothing was created
     */
    NewSlot create(String name, boolean failover) throws SQLException {
        Connection connection = DirectConnection.open(database.address(), properties -> {
            // Commands of the replication protocol are understood in simple mode alone.
            properties.setProperty("replication", "database");
            properties.setProperty("preferQueryMode", "simple");
            properties.setProperty("assumeMinServerVersion", "14");
            // The wait is as long as the oldest transaction.
            properties.setProperty(
                    "socketTimeout",
                    DatabaseTimeouts.seconds(database.address().timeouts().handOver()));
        });
        try (Statement statement = connection.createStatement()) {
            begin(connection, statement);
            // The first is the old spelling of (SNAPSHOT 'export'), which Postgres 14 does not know.
            try (ResultSet row = statement.executeQuery("CREATE_REPLICATION_SLOT " + Identifier.quote(name)
                    + " LOGICAL " + ReplicationSlot.PLUGIN
                    + (failover ? " (SNAPSHOT 'export', FAILOVER true)" : " EXPORT_SNAPSHOT"))) {
                row.next();
                return new NewSlot(
                        connection, Lsn.parse(row.getString("consistent_point")), row.getString("snapshot_name"));
            }
        } catch (SQLException | RuntimeException e) {
            connection.close();
            throw e;
        } finally {
            end();
        }
    }

    /**
     * Gives up the wait, now and in future. Returns once it is given up, or after some seconds in which the server did not
     * answer: then it may still make the slot, which the next start drops.
     */
    synchronized void cancel() throws InterruptedException {
        cancelled = true;
        long deadline = System.nanoTime() + CANCEL_NANOS;
        while (backend != 0) {
            if (System.nanoTime() - deadline > 0) {
                abort();
                return;
            }
            // Again and again: a server that has not read the command yet forgets that it was cancelled.
            cancelBackend();
            TimeUnit.MILLISECONDS.timedWait(this, AGAIN_MILLIS);
        }
    }

    /** Whether it was given up. */
    synchronized boolean isCancelled() {
        return cancelled;
    }

    private void begin(Connection connection, Statement statement) throws SQLException {
        // It is a lock that the server waits for.
        statement.execute("SET lock_timeout = 0");
        try (ResultSet row = statement.executeQuery(
                "SELECT pid, backend_start::text FROM pg_stat_activity WHERE pid = pg_backend_pid()")) {
            row.next();
            synchronized (this) {
                if (cancelled) {
                    throw new SQLException("the source was closed before the slot was made", "57014");
                }
                backend = row.getInt(1);
                backendStart = row.getString(2);
                creating = connection;
            }
        }
    }

    private synchronized void end() {
        backend = 0;
        creating = null;
        notifyAll();
    }

    private void abort() {
        log.warn(
                "{} The server does not answer the order to give up creating a slot; the connection is closed",
                Code.SLOT_CREATION_HANGS);
        try {
            creating.abort(Runnable::run);
        } catch (SQLException e) {
            log.debug("The connection was not closed", e);
        }
    }

    private void cancelBackend() {
        try (Connection connection = database.dataSource().getConnection();
                PreparedStatement statement = connection.prepareStatement("SELECT pg_cancel_backend(pid)"
                        + " FROM pg_stat_activity WHERE pid = ? AND backend_start = ?::timestamptz")) {
            // The start too: by now the address may lead to another server, with a process of that number.
            statement.setInt(1, backend);
            statement.setString(2, backendStart);
            statement.executeQuery().close();
        } catch (SQLException e) {
            log.debug("The creation of the slot cannot be cancelled yet", e);
        }
    }
}
