/**
 * Reads the outbox from Postgres' log through Debezium's embedded engine. The replication slot is the position; the
 * engine itself stores nothing.
 */
package io.outboxrelay.source.debezium;
