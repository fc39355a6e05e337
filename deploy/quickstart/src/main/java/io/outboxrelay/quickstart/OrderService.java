package io.outboxrelay.quickstart;

import java.math.BigDecimal;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.Locale;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.ThreadLocalRandom;

/**
 * A service as it would use the outbox: every change of an order and its event are written in one transaction. The
 * order's own row is written first, which locks it: so the events of one order are committed in the order of its
 * versions. For one thread; several services work on the same orders.
 */
final class OrderService {

    static final String TABLE = """
            CREATE TABLE orders (
                id      bigint        GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
                status  text          NOT NULL DEFAULT 'PLACED',
                amount  numeric(10,2) NOT NULL,
                version int           NOT NULL DEFAULT 1
            )""";

    private static final String PLACE = "INSERT INTO orders (amount) VALUES (?) RETURNING id, status, amount, version";
    private static final String ADVANCE = "UPDATE orders SET version = version + 1,"
            + " status = CASE status WHEN 'PLACED' THEN 'PAID' ELSE 'SHIPPED' END"
            + " WHERE id = ? AND status IN ('PLACED', 'PAID') RETURNING id, status, amount, version";
    private static final String CANCEL = "UPDATE orders SET version = version + 1, status = 'CANCELLED'"
            + " WHERE id = ? AND status = 'PLACED' RETURNING id, status, amount, version";
    private static final String EMIT = "INSERT INTO outbox (id, aggregate_type, aggregate_id, type, payload)"
            + " VALUES (?, 'order', ?, ?, ?::jsonb)";

    private final Connection database;
    private final Ledger ledger;

    private record Order(long id, String status, BigDecimal amount, int version) {

        String eventType() {
            return "Order" + status.charAt(0) + status.substring(1).toLowerCase(Locale.ROOT);
        }

        String json() {
            return "{\"order\": " + id + ", \"status\": \"" + status + "\", \"amount\": " + amount + ", \"version\": "
                    + version + "}";
        }
    }

    /** How a transaction ended. */
    enum Outcome {
        OPEN_ORDER,
        CLOSED_ORDER,
        ROLLED_BACK
    }

    /**
     * @param database for this service alone
     * @param ledger told of every event, committed or not
     */
    OrderService(Connection database, Ledger ledger) throws SQLException {
        this.database = database;
        this.ledger = ledger;
        database.setAutoCommit(false);
    }

    /** Places an order; its number, if the transaction was committed. */
    Optional<Long> place() throws SQLException {
        try (PreparedStatement place = database.prepareStatement(PLACE)) {
            place.setBigDecimal(
                    1, BigDecimal.valueOf(ThreadLocalRandom.current().nextLong(100, 100_000), 2));
            Order order = changed(place).orElseThrow();
            return emitAndCommit(order) ? Optional.of(order.id()) : Optional.empty();
        }
    }

    /** Pays, ships or cancels an order, whichever comes next for it. */
    Outcome advance(long id) throws SQLException {
        boolean cancel = ThreadLocalRandom.current().nextInt(10) == 0;
        try (PreparedStatement update = database.prepareStatement(cancel ? CANCEL : ADVANCE)) {
            update.setLong(1, id);
            Optional<Order> order = changed(update);
            if (order.isEmpty()) {
                database.rollback();
                return Outcome.ROLLED_BACK;
            }
            if (!emitAndCommit(order.get())) {
                return Outcome.ROLLED_BACK;
            }
            return order.get().status().equals("PAID") ? Outcome.OPEN_ORDER : Outcome.CLOSED_ORDER;
        }
    }

    /** Writes the event and commits both; one in ten transactions fails at the last moment, as it may in real life. */
    private boolean emitAndCommit(Order order) throws SQLException {
        UUID event = UUID.randomUUID();
        try (PreparedStatement emit = database.prepareStatement(EMIT)) {
            emit.setObject(1, event);
            emit.setString(2, Long.toString(order.id()));
            emit.setString(3, order.eventType());
            emit.setString(4, order.json());
            emit.executeUpdate();
        }
        ledger.wrote(event, order.id(), order.version());
        if (ThreadLocalRandom.current().nextInt(10) == 0) {
            database.rollback();
            return false;
        }
        database.commit();
        ledger.committed(event, System.nanoTime());
        return true;
    }

    private static Optional<Order> changed(PreparedStatement statement) throws SQLException {
        try (ResultSet row = statement.executeQuery()) {
            return row.next()
                    ? Optional.of(new Order(
                            row.getLong("id"),
                            row.getString("status"),
                            row.getBigDecimal("amount"),
                            row.getInt("version")))
                    : Optional.empty();
        }
    }
}
