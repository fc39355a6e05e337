/** Reads the outbox table by SQL, as a queue. */
package io.outboxrelay.source.polling;
