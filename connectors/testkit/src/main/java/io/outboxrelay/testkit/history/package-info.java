/**
 * Judges what a consumer received against what was committed. Modelled on Jepsen's analysis of Kafka: values are unique,
 * and the order in which they were written is known.
 *
 * @see <a href="https://jepsen-io.github.io/jepsen/jepsen.tests.kafka.html">jepsen.tests.kafka</a>
 */
package io.outboxrelay.testkit.history;
