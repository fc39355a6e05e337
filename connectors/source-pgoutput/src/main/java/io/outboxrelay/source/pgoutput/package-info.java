/**
 * The relay's own reader of Postgres' log: the plugin {@code pgoutput} over the driver's replication stream, for the rows of
 * one outbox, and the messages of one prefix.
 *
 * @see <a href="https://www.postgresql.org/docs/current/protocol-logicalrep-message-formats.html">Logical replication message
 *     formats</a>
 */
package io.outboxrelay.source.pgoutput;
