package io.outboxrelay.postgres;

import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;

import io.outboxrelay.api.AfterDelivery;
import io.outboxrelay.api.OutboxDatabase;
import io.outboxrelay.schema.OutboxTable;
import io.outboxrelay.testkit.OutboxFixture;
import io.outboxrelay.testkit.TestDatabase;

/** The partitioned outbox as it ships, but with small partitions. */
final class PartitionedFixture implements AutoCloseable {

    private final TestDatabase database;
    private final int rows;
    private final int ahead;
    private final AtomicReference<Lsn> settled = new AtomicReference<>();

    /** Over an empty database, which it closes. Four partitions of 100 numbers; the relay makes others of its own size. */
    PartitionedFixture(TestDatabase database, int rows, int ahead) throws SQLException {
        this.database = database;
        this.rows = rows;
        this.ahead = ahead;
        OutboxFixture.partitioned(database);
    }

    TestDatabase database() {
        return database;
    }

    OutboxDatabase outbox() {
        return new OutboxDatabase(
                database.address(),
                OutboxTable.DEFAULT,
                new AfterDelivery(AfterDelivery.Action.DROP_PARTITION, "delivered_at", 1_000, 0, rows, ahead),
                database.dataSource());
    }

    /** As a relay that reads the log, newly started. */
    Partitions ofLogReader() {
        return Partitions.ofLogReader(outbox(), this::settled);
    }

    Optional<Lsn> settled() {
        return Optional.ofNullable(settled.get());
    }

    /** As a relay that reads the table, newly started. */
    Partitions ofTableReader() {
        return Partitions.ofTableReader(outbox());
    }

    /** Lets everything that is committed be settled. */
    void settleAll() throws SQLException {
        settled.set(Lsn.parse(one("SELECT pg_current_wal_insert_lsn()")));
    }

    /** Lets nothing be settled but what lies at the very beginning. */
    void settleNothing() {
        settled.set(new Lsn(1));
    }

    void insert(int count) throws SQLException {
        database.execute("INSERT INTO outbox (aggregate_type, aggregate_id, type, payload)"
                + " SELECT 'order', n % 7, 'OrderPlaced', '{}' FROM generate_series(1, " + count + ") n");
    }

    /** What is attached, from the lowest numbers to the highest. */
    List<String> attached() throws SQLException {
        return all("SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
                + " WHERE inhparent = 'outbox'::regclass AND NOT inhdetachpending"
                + " ORDER BY coalesce(substring(pg_get_expr(relpartbound, c.oid) FROM 'FROM \\(''(\\d+)')::bigint, 0)");
    }

    /** What is recorded as detached, or about to be. */
    List<String> recorded() throws SQLException {
        return all("SELECT partition || CASE WHEN detached_lsn IS NULL THEN '' ELSE ' noted' END"
                + " FROM outbox_relay_partition ORDER BY table_oid");
    }

    /** As a reader of the table finds them. */
    List<String> detached() throws SQLException {
        try (Connection connection = database.connect()) {
            return Partitions.detached(connection, outbox()).stream()
                    .map(OutboxTable::table)
                    .toList();
        }
    }

    boolean exists(String table) throws SQLException {
        return one("SELECT to_regclass('" + table + "')") != null;
    }

    String one(String sql) throws SQLException {
        return all(sql).get(0);
    }

    List<String> all(String sql) throws SQLException {
        List<String> values = new ArrayList<>();
        try (Connection connection = database.connect();
                Statement statement = connection.createStatement();
                ResultSet rows = statement.executeQuery(sql)) {
            while (rows.next()) {
                values.add(rows.getString(1));
            }
        }
        return values;
    }

    @Override
    public void close() throws SQLException {
        database.close();
    }
}
