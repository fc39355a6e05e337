package io.outboxrelay.postgres;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.security.SecureRandom;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Optional;

import io.outboxrelay.api.Code;
import io.outboxrelay.api.CodedSqlException;
import io.outboxrelay.api.DatabaseAddress;
import io.outboxrelay.api.Fence;
import io.outboxrelay.schema.OutboxTable;

/**
 * Advisory locks that a process holds for as long as it is well: session locks on a connection of their own, outside any
 * pool, which would close it when it gets old. The server ends the connection, and with it the locks, once it has heard
 * nothing for the length of the lease ({@code idle_session_timeout}), so a paused process does not hold them for ever;
 * whoever holds a lease calls {@link #ping} several times within that length.
 *
 * <p>Never waits for a lock: a session that waits inside {@code pg_advisory_lock()} keeps the server from removing dead
 * rows. Used by one thread at a time.
 *
 * @see <a href="https://www.postgresql.org/docs/current/explicit-locking.html#ADVISORY-LOCKS">Advisory locks</a>
 */
public final class Lease implements AutoCloseable {

    /** How long after its last word whoever is dead, paused or cut off still keeps others from reading the outbox. */
    public static final Duration OF_OUTBOX = Duration.ofSeconds(10);

    /** The driver gives up on a statement after this. */
    private static final int SOCKET_TIMEOUT_SECONDS = 5;

    /**
     * What is locked, within one database.
     *
     * @param number the 64-bit key
     */
    public record Key(long number) {

        /** The right to read an outbox: taken alone by who reads the log, beside others by who reads the table. */
        public static Key ofReaders(OutboxTable outbox) {
            return of("outbox-relay", outbox.toString());
        }

        /** Of those who read an outbox beside others, who does what only one may do. */
        public static Key ofLeader(OutboxTable outbox) {
            return of("outbox-relay", outbox.toString(), "leader");
        }

        /** A key for a purpose, the same in every process: the first bytes of a hash of its name. */
        public static Key of(String... name) {
            try {
                byte[] hash = MessageDigest.getInstance("SHA-256")
                        .digest(String.join("\0", name).getBytes(StandardCharsets.UTF_8));
                return new Key(ByteBuffer.wrap(hash).getLong());
            } catch (NoSuchAlgorithmException e) {
                throw new IllegalStateException("every Java has SHA-256", e);
            }
        }
    }

    private static final String LOOK = """
            SELECT pg_backend_pid(), classid::bigint << 32 | objid::bigint, l.pid, coalesce(application_name, ''),
                   host(client_addr), backend_start
            FROM (SELECT) always LEFT JOIN pg_locks l
              ON locktype = 'advisory' AND granted AND objsubid = 1
             AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
             AND (classid::bigint << 32 | objid::bigint) = ANY(?)
            LEFT JOIN pg_stat_activity a ON a.pid = l.pid
            ORDER BY 3""";

    /**
     * A session that holds a lock, in either way.
     *
     * @param key which lock
     * @param holder the session
     */
    public record Holding(Key key, ReplicationSlot.Holder holder) {}

    /** One that nobody else ever holds alone: it ends with the session, and tells others that it has. */
    private record Mark(Key key) implements Fence {

        static Mark random() {
            return new Mark(new Key(new SecureRandom().nextLong()));
        }

        @Override
        public boolean holds(Connection asking) throws SQLException {
            return !ask(asking, "SELECT pg_try_advisory_xact_lock_shared(?)", key);
        }
    }

    private final Connection connection;
    private final int backend;
    private final Mark mark = Mark.random();

    private Lease(Connection connection, int backend) {
        this.connection = connection;
        this.backend = backend;
    }

    /**
     * Connects. Holds no lock yet.
     *
     * @param length how long the server waits for a ping
     */
    public static Lease open(DatabaseAddress address, Duration length) throws SQLException {
        Connection connection = DirectConnection.open(
                address,
                properties -> properties.setProperty("socketTimeout", Integer.toString(SOCKET_TIMEOUT_SECONDS)));
        try (Statement statement = connection.createStatement()) {
            statement.execute("SET idle_session_timeout = " + length.toMillis());
            Lease lease = new Lease(connection, backend(statement));
            lease.tryLock(lease.mark.key());
            return lease;
        } catch (SQLException | RuntimeException e) {
            connection.close();
            throw e;
        }
    }

    /** Takes the lock for this session alone, if nobody holds it. */
    public boolean tryLock(Key key) throws SQLException {
        return ask("SELECT pg_try_advisory_lock(?)", key);
    }

    /** Takes the lock beside others who take it so, if nobody holds it alone. */
    public boolean tryLockShared(Key key) throws SQLException {
        return ask("SELECT pg_try_advisory_lock_shared(?)", key);
    }

    /** Gives back a lock that {@link #tryLock} took. */
    public void unlock(Key key) throws SQLException {
        ask("SELECT pg_advisory_unlock(?)", key);
    }

    /** Gives back a lock that {@link #tryLockShared} took. */
    public void unlockShared(Key key) throws SQLException {
        ask("SELECT pg_advisory_unlock_shared(?)", key);
    }

    /** Holds while the session does, and no longer than until {@link #revoke}. */
    public Fence fence() {
        return mark;
    }

    /** Ends what {@link #fence} tells of, and no lock: whoever gives locks back by hand does this before. */
    public void revoke() throws SQLException {
        unlock(mark.key());
    }

    /**
     * Renews the lease.
     *
     * @throws SQLException if the session has ended, and with it the locks; also if another session answers, as behind a
     *     pooler that lends sessions for one transaction
     */
    public void ping() throws SQLException {
        try (Statement statement = connection.createStatement()) {
            requireBackend(backend(statement));
        }
    }

    /**
     * Renews the lease, as {@link #ping} does, and tells who holds some locks.
     *
     * @return the sessions that hold one of them, this one included, by the number of their process
     * @throws SQLException as {@link #ping} does
     */
    public List<Holding> look(Collection<Key> keys) throws SQLException {
        return look(connection, keys, this::requireBackend);
    }

    /** Who holds some locks, asked by anybody. */
    static List<Holding> holdings(Connection connection, Collection<Key> keys) throws SQLException {
        return look(connection, keys, backend -> {});
    }

    /** What may be done about the session that answers. */
    @FunctionalInterface
    private interface Answering {
        void backend(int pid) throws SQLException;
    }

    private static List<Holding> look(Connection connection, Collection<Key> keys, Answering answering)
            throws SQLException {
        List<Holding> holdings = new ArrayList<>();
        try (PreparedStatement query = connection.prepareStatement(LOOK)) {
            query.setArray(
                    1,
                    connection.createArrayOf(
                            "bigint", keys.stream().map(Key::number).toArray()));
            try (ResultSet row = query.executeQuery()) {
                while (row.next()) {
                    answering.backend(row.getInt(1));
                    long key = row.getLong(2);
                    if (!row.wasNull()) {
                        holdings.add(new Holding(
                                new Key(key),
                                new ReplicationSlot.Holder(
                                        row.getInt(3),
                                        row.getString(4),
                                        Optional.ofNullable(row.getString(5)),
                                        Optional.ofNullable(row.getObject(6, OffsetDateTime.class)))));
                    }
                }
            }
        }
        return holdings;
    }

    /** Who holds a lock, in either way, for people; asked as {@link #look} does. */
    public List<String> holders(Key key) throws SQLException {
        return look(List.of(key)).stream()
                .map(holding -> holding.holder().toString())
                .toList();
    }

    /** The server's process that holds the locks, as {@code pg_stat_activity} shows it. */
    public int backend() {
        return backend;
    }

    /** Gives all locks back. */
    @Override
    public void close() throws SQLException {
        connection.close();
    }

    private void requireBackend(int answering) throws SQLException {
        if (answering != backend) {
            throw new CodedSqlException(
                    Code.SESSIONS_CHANGE_HANDS,
                    "the database session changed from process " + backend + " to " + answering
                            + ": a pooler lends sessions for one transaction, and so cannot hold locks. Connect to the"
                            + " server, or to a pool in session mode",
                    null);
        }
    }

    private boolean ask(String sql, Key key) throws SQLException {
        return ask(connection, sql, key);
    }

    private static boolean ask(Connection connection, String sql, Key key) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(sql)) {
            statement.setLong(1, key.number());
            try (ResultSet row = statement.executeQuery()) {
                return row.next() && row.getBoolean(1);
            }
        }
    }

    private static int backend(Statement statement) throws SQLException {
        try (ResultSet row = statement.executeQuery("SELECT pg_backend_pid()")) {
            row.next();
            return row.getInt(1);
        }
    }
}
