package io.outboxrelay.relay.deadletter;

import java.sql.SQLException;
import java.time.Instant;
import java.util.List;

import com.zaxxer.hikari.HikariDataSource;
import io.outboxrelay.api.AfterDelivery;
import io.outboxrelay.api.OutboxDatabase;
import io.outboxrelay.api.OutboxEvent;
import io.outboxrelay.relay.delivery.AsideEvent;
import io.outboxrelay.schema.OutboxTable;
import io.outboxrelay.schema.SchemaScript;
import io.outboxrelay.testkit.PostgresServer;
import io.outboxrelay.testkit.TestDatabase;

import static java.nio.charset.StandardCharsets.UTF_8;

/** A database with the table for what is put aside, and events to put there. */
final class DeadLetterDatabase implements AutoCloseable {

    private final TestDatabase server = PostgresServer.shared().createDatabase();
    private final HikariDataSource pool = new HikariDataSource();
    private final OutboxDatabase database;

    DeadLetterDatabase() throws SQLException {
        server.execute(SchemaScript.TABLE.sql() + SchemaScript.RELAY.sql() + SchemaScript.DEAD_LETTER.sql());
        pool.setDataSource(server.dataSource());
        pool.setMaximumPoolSize(8);
        database = new OutboxDatabase(server.address(), OutboxTable.DEFAULT, AfterDelivery.DELETE, pool);
    }

    OutboxDatabase database() {
        return database;
    }

    /** The same, by sessions that begin now. */
    OutboxDatabase newSessions() {
        return new OutboxDatabase(server.address(), OutboxTable.DEFAULT, AfterDelivery.DELETE, server.dataSource());
    }

    TestDatabase server() {
        return server;
    }

    /** The table as a relay has it that nobody takes the right to read from. */
    DeadLetterTable table() {
        return new DeadLetterTable(database, connection -> true);
    }

    /** The names of what is put aside, in order. */
    List<String> names() throws SQLException {
        return new LetterDesk(database)
                .list(1000).stream().map(found -> found.letter().name()).toList();
    }

    static AsideEvent rejected(String id, String aggregateId, boolean parks) {
        return new AsideEvent(event(id, aggregateId), "events.order", parks, "too_large", "too large");
    }

    static AsideEvent behind(String id, String aggregateId) {
        return new AsideEvent(event(id, aggregateId), "events.order", true, AsideEvent.BEHIND, "waits");
    }

    static OutboxEvent event(String id, String aggregateId) {
        return new OutboxEvent(
                id,
                "order",
                aggregateId,
                "placed",
                ("payload of " + id).getBytes(UTF_8),
                "{\"trace\": \"t\"}",
                Instant.parse("2026-01-01T00:00:00.123456Z"),
                new DeadLetter.Past("0/1#" + id));
    }

    @Override
    public void close() throws SQLException {
        pool.close();
        server.close();
    }
}
