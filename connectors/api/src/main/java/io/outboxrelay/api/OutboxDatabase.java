package io.outboxrelay.api;

import javax.sql.DataSource;

import io.outboxrelay.schema.OutboxTable;

/**
 * The service's database: its outbox, where it is, and a pool of connections for plain SQL.
 *
 * @param address for clients that connect by themselves
 * @param table the outbox
 * @param afterDelivery what becomes of its rows once they are settled
 * @param dataSource connections with auto-commit on, given back after each use; a lent one waits a bounded time
 * @param right without it no source removes rows or moves its position
 */
public record OutboxDatabase(
        DatabaseAddress address, OutboxTable table, AfterDelivery afterDelivery, DataSource dataSource, Fence right) {

    /** For whoever only looks, or is alone with the database. */
    public OutboxDatabase(
            DatabaseAddress address, OutboxTable table, AfterDelivery afterDelivery, DataSource dataSource) {
        this(address, table, afterDelivery, dataSource, Fence.NONE);
    }

    /** The same, written to only while the right holds. */
    public OutboxDatabase under(Fence held) {
        return new OutboxDatabase(address, table, afterDelivery, dataSource, held);
    }

    /** The same with another table in place of the outbox, such as a part of it. */
    public OutboxDatabase with(OutboxTable other) {
        return new OutboxDatabase(address, other, afterDelivery, dataSource, right);
    }
}
