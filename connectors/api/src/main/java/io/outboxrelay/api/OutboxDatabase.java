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
 */
public record OutboxDatabase(
        DatabaseAddress address, OutboxTable table, AfterDelivery afterDelivery, DataSource dataSource) {}
