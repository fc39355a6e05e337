/** Publishes to Apache Kafka, in order, with a producer that alone retries and that nothing outlives after a failure. */
package io.outboxrelay.broker.kafka;
