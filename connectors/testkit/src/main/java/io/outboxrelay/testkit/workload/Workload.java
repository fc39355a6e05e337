package io.outboxrelay.testkit.workload;

import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.IntStream;

import io.outboxrelay.api.DatabaseAddress;
import io.outboxrelay.schema.OutboxTable;
import io.outboxrelay.testkit.history.Reference;
import org.awaitility.Awaitility;
import org.postgresql.ds.PGSimpleDataSource;

/**
 * Concurrent writers of one outbox: single rows, many rows in a statement, COPY with given ids, long interleaved
 * transactions, rollbacks, savepoints rolled back. They go on through a database that restarts, crashes, or ends their
 * sessions; what became of a transaction whose commit got no answer is read from the truth afterwards.
 *
 * <p>The outbox must exist; the workload adds the schema {@code truth}. One workload to a database.
 */
public final class Workload implements AutoCloseable {

    private static final String SESSION_NAME = "outbox-relay workload";
    private static final Duration SESSIONS_END_LIMIT = Duration.ofSeconds(60);
    private static final long RECONNECT_NANOS = TimeUnit.MILLISECONDS.toNanos(100);

    private final PGSimpleDataSource database;
    private final Ledger ledger = new Ledger();
    private final List<Thread> threads = new ArrayList<>();
    private final AtomicReference<Throwable> failure = new AtomicReference<>();
    private volatile boolean stopping;

    private Workload(DatabaseAddress address) {
        this.database = new PGSimpleDataSource();
        database.setServerNames(new String[] {address.host()});
        database.setPortNumbers(new int[] {address.port()});
        database.setDatabaseName(address.name());
        database.setUser(address.user());
        database.setPassword(address.password());
        database.setApplicationName(SESSION_NAME);
        // The server then takes a string for whatever the column is: uuid, jsonb, bytea.
        database.setStringType("unspecified");
        database.setConnectTimeout(5);
        database.setSocketTimeout(30);
    }

    /**
     * Creates the truth and starts the writers.
     *
     * @param address a role that owns the database, or a superuser
     * @param table the outbox to write to
     */
    public static Workload start(DatabaseAddress address, OutboxTable table, WorkloadPlan plan) throws SQLException {
        Workload workload = new Workload(address);
        List<String> aggregateIds = IntStream.rangeClosed(1, plan.aggregates())
                .mapToObj(number -> "order-" + number)
                .toList();
        try (Connection connection = workload.database.getConnection()) {
            Truth.create(connection, aggregateIds);
        }
        OutboxInserts inserts = new OutboxInserts(table);
        Pace pace = new Pace(plan.eventsPerSecond());
        for (int number = 0; number < plan.writers(); number++) {
            Writer writer = new Writer(
                    inserts, aggregateIds, pace, workload.ledger, plan.longest(), plan.seed() * 1_000 + number);
            Thread thread = new Thread(() -> workload.write(writer), "workload-" + number);
            thread.setDaemon(true);
            workload.threads.add(thread);
        }
        workload.threads.forEach(Thread::start);
        return workload;
    }

    /** How many events were certainly committed so far; there may be a few more. */
    public int committed() {
        return ledger.acknowledged().size();
    }

    /**
     * Lets each writer end its transaction, and waits for it. The database must be up, or come up.
     *
     * @throws IllegalStateException if a writer failed, for another reason than a lost connection
     */
    public void stop() {
        stopping = true;
        try {
            for (Thread thread : threads) {
                thread.join();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted while the writers ended", e);
        }
        if (failure.get() != null) {
            throw new IllegalStateException("a writer failed: " + failure.get().getMessage(), failure.get());
        }
    }

    /** What was committed and what was not, once the workload is stopped. Waits for abandoned sessions to end. */
    public Reference reference() throws SQLException {
        if (!stopping) {
            throw new IllegalStateException("stop the workload first");
        }
        try (Connection connection = database.getConnection()) {
            awaitEndOfSessions(connection);
            return Truth.read(connection, ledger);
        }
    }

    /** Stops. */
    @Override
    public void close() {
        stop();
    }

    private void write(Writer writer) {
        try {
            while (!stopping) {
                try (Connection connection = database.getConnection()) {
                    connection.setAutoCommit(false);
                    while (!stopping) {
                        transaction(writer, connection);
                    }
                } catch (SQLException e) {
                    if (!isConnectionLost(e)) {
                        throw e;
                    }
                    LockSupport.parkNanos(RECONNECT_NANOS);
                }
            }
        } catch (SQLException | RuntimeException | Error e) {
            failure.compareAndSet(null, e);
        }
    }

    private static void transaction(Writer writer, Connection connection) throws SQLException {
        try {
            writer.transaction(connection);
        } catch (SQLException e) {
            if (!"40P01".equals(e.getSQLState())) {
                throw e;
            }
            // A deadlock with somebody else's transaction. This one has lost, and is as good as rolled back.
            connection.rollback();
        }
    }

    /**
     * Connection exceptions, the server's word that it ends the session or is not ready for one, and no free session.
     *
     * @see <a href="https://www.postgresql.org/docs/current/errcodes-appendix.html">Error codes</a>
     */
    private static boolean isConnectionLost(SQLException e) {
        String state = String.valueOf(e.getSQLState());
        return state.startsWith("08") || state.startsWith("57P") || state.equals("53300");
    }

    private static void awaitEndOfSessions(Connection connection) throws SQLException {
        Awaitility.await("sessions of writers that lost their connection to end: they may still commit")
                .atMost(SESSIONS_END_LIMIT)
                .pollInterval(Duration.ofMillis(50))
                .until(() -> {
                    try (Statement statement = connection.createStatement();
                            ResultSet rows = statement.executeQuery("SELECT count(*) FROM pg_stat_activity"
                                    + " WHERE pid <> pg_backend_pid() AND datname = current_database()"
                                    + " AND application_name = '" + SESSION_NAME + "'")) {
                        rows.next();
                        return rows.getInt(1) == 0;
                    }
                });
    }
}
