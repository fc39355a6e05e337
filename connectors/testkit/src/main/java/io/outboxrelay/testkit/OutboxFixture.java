package io.outboxrelay.testkit;

import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;

import io.outboxrelay.api.AfterDelivery;
import io.outboxrelay.api.OutboxDatabase;
import io.outboxrelay.schema.Identifier;
import io.outboxrelay.schema.OutboxTable;
import io.outboxrelay.schema.SchemaScript;

/** A database with an outbox, its publication {@value #PUBLICATION} and the relay's tables, for one test. */
public final class OutboxFixture implements AutoCloseable {

    /** The publication's name. */
    public static final String PUBLICATION = "outbox_relay";

    private final TestDatabase database;
    private final OutboxTable table;

    private OutboxFixture(TestDatabase database, OutboxTable table) {
        this.database = database;
        this.table = table;
    }

    /** The outbox as the project ships it. */
    public static OutboxFixture create(TestDatabase database) throws SQLException {
        database.execute(SchemaScript.TABLE.sql());
        database.execute(SchemaScript.RELAY.sql());
        return new OutboxFixture(database, OutboxTable.DEFAULT);
    }

    /** The partitioned outbox as the project ships it, but with partitions of 100 numbers: {@code outbox_p1}, {@code outbox_p101} and so on. */
    public static OutboxFixture partitioned(TestDatabase database) throws SQLException {
        database.execute(SchemaScript.PARTITIONED_TABLE.sql().replace("0000001", "01"));
        database.execute(SchemaScript.RELAY.sql());
        return new OutboxFixture(database, OutboxTable.DEFAULT);
    }

    /** The same, partitioned. */
    public static OutboxFixture createPartitioned(TestDatabase database) throws SQLException {
        database.execute(SchemaScript.PARTITIONED_TABLE.sql());
        database.execute(SchemaScript.RELAY.sql());
        return new OutboxFixture(database, OutboxTable.DEFAULT);
    }

    /** The same with another type of payload. */
    public static OutboxFixture withPayload(TestDatabase database, String type) throws SQLException {
        OutboxFixture fixture = create(database);
        database.execute("ALTER TABLE outbox ALTER payload TYPE " + type + " USING NULL");
        return fixture;
    }

    /** A table of one's own. */
    public static OutboxFixture of(TestDatabase database, OutboxTable table, String createTable) throws SQLException {
        String schema = Identifier.quote(table.schema());
        database.execute("CREATE SCHEMA IF NOT EXISTS " + schema);
        database.execute(createTable);
        database.execute(
                "CREATE PUBLICATION " + PUBLICATION + " FOR TABLE " + table.quoted() + " WITH (publish = 'insert')");
        database.execute("SET search_path = " + schema + ";" + SchemaScript.RELAY.sql());
        return new OutboxFixture(database, table);
    }

    /** The same outbox in a copy of the database, such as a standby's. */
    public OutboxFixture in(TestDatabase copy) {
        return new OutboxFixture(copy, table);
    }

    /** What a source is given, which deletes what is delivered. */
    public OutboxDatabase outbox() {
        return outbox(AfterDelivery.DELETE);
    }

    /** What a source is given. */
    public OutboxDatabase outbox(AfterDelivery afterDelivery) {
        return new OutboxDatabase(database.address(), table, afterDelivery, database.dataSource());
    }

    /** A slot's name that no other test has. */
    public String slot() {
        return database.address().name();
    }

    /** The database. */
    public TestDatabase database() {
        return database;
    }

    /** Runs SQL in one transaction. */
    public void execute(String sql) throws SQLException {
        database.execute(sql);
    }

    /** Inserts rows with the ids {@code aggregate-1} to {@code aggregate-count} as their types, in one transaction. */
    public void insert(String aggregate, int count) throws SQLException {
        execute("INSERT INTO outbox (aggregate_type, aggregate_id, type, payload) SELECT 'order', '" + aggregate
                + "', '" + aggregate + "-' || n, '{}' FROM generate_series(1, " + count + ") n");
    }

    /** The one value of a query, as text. */
    public String query(String sql) throws SQLException {
        try (Connection connection = database.connect();
                Statement statement = connection.createStatement();
                ResultSet row = statement.executeQuery(sql)) {
            return row.next() ? row.getString(1) : null;
        }
    }

    @Override
    public void close() throws SQLException {
        database.close();
    }
}
