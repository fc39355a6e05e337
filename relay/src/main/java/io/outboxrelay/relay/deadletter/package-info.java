/** Events that are put aside in the service's database: the table, releasing them, and what is checked before. */
package io.outboxrelay.relay.deadletter;
