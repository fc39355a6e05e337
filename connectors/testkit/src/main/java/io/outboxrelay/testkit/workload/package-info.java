/** Services at work: concurrent writers of an outbox, and a truth about what they committed. */
package io.outboxrelay.testkit.workload;
