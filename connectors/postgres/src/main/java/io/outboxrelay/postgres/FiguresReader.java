package io.outboxrelay.postgres;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDateTime;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

import io.outboxrelay.api.AfterDelivery.Action;
import io.outboxrelay.api.OutboxDatabase;
import io.outboxrelay.postgres.OutboxFigures.DeadLetters;
import io.outboxrelay.postgres.OutboxFigures.Readers;
import io.outboxrelay.postgres.OutboxFigures.Slot;
import io.outboxrelay.postgres.OutboxFigures.Waiting;
import io.outboxrelay.schema.Identifier;
import io.outboxrelay.schema.ParkedIndex;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Reads the figures of one outbox by plain SQL, with the rights of the relay's role, and changes nothing. No statement
 * runs for longer than {@value #LIMIT_SECONDS} s, and what took long is not counted again for a while: counting takes
 * little of the server, however long the table is. Used by one thread at a time; to be asked every few seconds at most.
 */
public final class FiguresReader {

    private static final Logger log = LoggerFactory.getLogger(FiguresReader.class);

    /** Of each statement. */
    private static final int LIMIT_SECONDS = 1;

    /** A count that took so long is followed by a pause of this many times that. */
    private static final int PAUSE_FACTOR = 50;

    private static final String SLOT = """
            SELECT active, coalesce(wal_status, 'lost'),
                   coalesce(pg_wal_lsn_diff(log_end, restart_lsn), 0),
                   coalesce(pg_wal_lsn_diff(log_end, confirmed_flush_lsn), 0)
            FROM pg_replication_slots,
                 (SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn()
                         ELSE pg_current_wal_flush_lsn() END) AS here (log_end)
            WHERE slot_name = ? AND database = current_database()
            """;

    private static final String MAY_READ = """
            SELECT has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')
            FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE n.nspname = ? AND c.relname = ?
            """;

    /** The planner knows the table's size at this moment, and what was last found of its content. */
    private static final Pattern PLANNED_ROWS = Pattern.compile("\"Plan Rows\": (\\d+)");

    /** One part of the figures. */
    @FunctionalInterface
    private interface Part<T> {
        T read(Connection connection) throws SQLException;
    }

    private record Counted(long rows, boolean estimated) {}

    private final OutboxDatabase database;
    private final Optional<String> slot;
    private final Lease.Key readers;
    private final Lease.Key leader;

    private Optional<Counted> counted = Optional.empty();
    private Optional<Duration> oldest = Optional.empty();
    private long countAgain = System.nanoTime();

    /**
     * @param database where the outbox is
     * @param slot the replication slot that it is read from; empty if its table is read
     */
    public FiguresReader(OutboxDatabase database, Optional<String> slot) {
        this.database = database;
        this.slot = slot;
        this.readers = Lease.Key.ofReaders(database.table());
        this.leader = Lease.Key.ofLeader(database.table());
    }

    /**
     * Reads what can be told now. Blocks for a few seconds at worst.
     *
     * @throws SQLException if the database cannot be asked
     */
    public OutboxFigures read() throws SQLException {
        try (Connection connection = database.dataSource().getConnection()) {
            return new OutboxFigures(
                    Instant.now(),
                    slot.isPresent() ? part(connection, this::slot) : Optional.empty(),
                    part(connection, this::waiting).flatMap(found -> found),
                    part(connection, this::deadLetters).flatMap(found -> found),
                    part(connection, this::readers));
        }
    }

    /** One part that cannot be told is no reason to tell nothing. */
    private static <T> Optional<T> part(Connection connection, Part<T> part) throws SQLException {
        try {
            return Optional.of(part.read(connection));
        } catch (SQLException e) {
            if (!connection.isValid(LIMIT_SECONDS)) {
                throw e;
            }
            log.debug("A part of the figures cannot be told", e);
            return Optional.empty();
        }
    }

    private Slot slot(Connection connection) throws SQLException {
        String name = slot.orElseThrow();
        try (PreparedStatement query = limited(connection, SLOT)) {
            query.setString(1, name);
            try (ResultSet row = query.executeQuery()) {
                return row.next()
                        ? new Slot(name, row.getBoolean(1), row.getString(2), row.getLong(3), row.getLong(4))
                        : new Slot(name, false, Slot.MISSING, 0, 0);
            }
        }
    }

    private Optional<Waiting> waiting(Connection connection) throws SQLException {
        Action action = database.afterDelivery().action();
        boolean staysUnmarked = action == Action.KEEP || (action == Action.DROP_PARTITION && slot.isPresent());
        if (staysUnmarked
                || !mayRead(
                        connection, database.table().schema(), database.table().table())) {
            return Optional.empty();
        }
        if (System.nanoTime() - countAgain >= 0) {
            long began = System.nanoTime();
            try {
                oldest = part(connection, this::oldest).flatMap(found -> found);
                counted = Optional.of(count(connection));
            } finally {
                countAgain = System.nanoTime() + PAUSE_FACTOR * (System.nanoTime() - began);
            }
        }
        return counted.map(count -> new Waiting(count.rows(), count.estimated(), oldest));
    }

    private Counted count(Connection connection) throws SQLException {
        Optional<Long> exact = part(connection, this::countExactly);
        if (exact.isPresent() && exact.get() < OutboxFigures.MOST) {
            return new Counted(exact.get(), false);
        }
        return new Counted(Math.max(exact.orElse(0L), estimate(connection)), true);
    }

    private long countExactly(Connection connection) throws SQLException {
        return number(
                connection,
                "SELECT count(*) FROM (SELECT FROM " + from() + " LIMIT " + OutboxFigures.MOST + ") AS counted");
    }

    private long estimate(Connection connection) throws SQLException {
        try (PreparedStatement query = limited(connection, "EXPLAIN (FORMAT JSON) SELECT FROM " + from());
                ResultSet row = query.executeQuery()) {
            row.next();
            Matcher planned = PLANNED_ROWS.matcher(row.getString(1));
            return planned.find() ? Long.parseLong(planned.group(1)) : 0;
        }
    }

    /** By the order of {@code seq}; of a table without it the earliest of those that are counted. */
    private Optional<Duration> oldest(Connection connection) throws SQLException {
        Optional<String> createdAt = database.table().columns().createdAt().map(Identifier::quote);
        if (createdAt.isEmpty()) {
            return Optional.empty();
        }
        String sql = database.table()
                .columns()
                .seq()
                .map(seq -> "SELECT " + createdAt.get() + ", now() FROM " + from() + " ORDER BY "
                        + Identifier.quote(seq) + " LIMIT 1")
                .orElseGet(() -> "SELECT min(created), now() FROM (SELECT " + createdAt.get() + " AS created FROM "
                        + from() + " LIMIT " + OutboxFigures.MOST + ") AS counted");
        try (PreparedStatement query = limited(connection, sql);
                ResultSet row = query.executeQuery()) {
            return row.next() ? age(row) : Optional.empty();
        }
    }

    /** By the server's clock, which wrote the row's time too; a {@code timestamp} without a zone is taken as UTC. */
    private static Optional<Duration> age(ResultSet row) throws SQLException {
        Optional<Instant> created = switch (row.getMetaData().getColumnTypeName(1)) {
            case "timestamptz" ->
                Optional.ofNullable(row.getObject(1, OffsetDateTime.class))
                        .filter(time -> !time.equals(OffsetDateTime.MIN) && !time.equals(OffsetDateTime.MAX))
                        .map(OffsetDateTime::toInstant);
            case "timestamp" ->
                Optional.ofNullable(row.getObject(1, LocalDateTime.class))
                        .filter(time -> !time.equals(LocalDateTime.MIN) && !time.equals(LocalDateTime.MAX))
                        .map(time -> time.toInstant(ZoneOffset.UTC));
            default -> Optional.empty();
        };
        Instant now = row.getObject(2, OffsetDateTime.class).toInstant();
        return created.map(time -> time.isAfter(now) ? Duration.ZERO : Duration.between(time, now));
    }

    private Optional<DeadLetters> deadLetters(Connection connection) throws SQLException {
        String schema = database.table().schema();
        if (!mayRead(connection, schema, "outbox_dead_letter")) {
            return Optional.empty();
        }
        String table = Identifier.quote(schema) + ".outbox_dead_letter";
        String outbox = database.table().toString();
        return Optional.of(new DeadLetters(
                number(
                        connection,
                        "SELECT count(*) FROM (SELECT FROM " + table + " WHERE outbox = ? LIMIT " + OutboxFigures.MOST
                                + ") AS counted",
                        outbox),
                number(
                        connection,
                        ParkedIndex.count(table, OutboxFigures.MOST),
                        outbox,
                        Long.MIN_VALUE,
                        Long.MIN_VALUE,
                        outbox)));
    }

    private Readers readers(Connection connection) throws SQLException {
        List<Lease.Holding> held = Lease.holdings(connection, List.of(readers, leader));
        List<ReplicationSlot.Holder> all = held.stream()
                .filter(holding -> holding.key().equals(readers))
                .map(Lease.Holding::holder)
                .toList();
        // Who reads alone leads without a word.
        Stream<ReplicationSlot.Holder> leads =
                held.stream().filter(holding -> holding.key().equals(leader)).map(Lease.Holding::holder);
        return new Readers(
                all,
                Stream.concat(leads, all.size() == 1 ? all.stream() : Stream.of())
                        .findFirst());
    }

    private static boolean mayRead(Connection connection, String schema, String table) throws SQLException {
        try (PreparedStatement query = limited(connection, MAY_READ)) {
            query.setString(1, schema);
            query.setString(2, table);
            try (ResultSet row = query.executeQuery()) {
                return row.next() && row.getBoolean(1);
            }
        }
    }

    private String from() {
        return database.table().quoted() + " WHERE " + database.afterDelivery().unsent();
    }

    private static long number(Connection connection, String sql, Object... parameters) throws SQLException {
        try (PreparedStatement query = limited(connection, sql)) {
            for (int i = 0; i < parameters.length; i++) {
                query.setObject(i + 1, parameters[i]);
            }
            try (ResultSet row = query.executeQuery()) {
                row.next();
                return row.getLong(1);
            }
        }
    }

    private static PreparedStatement limited(Connection connection, String sql) throws SQLException {
        PreparedStatement query = connection.prepareStatement(sql);
        query.setQueryTimeout(LIMIT_SECONDS);
        return query;
    }
}
