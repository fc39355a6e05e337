/**
 * What a source and a broker promise to the relay, and the relay to them. A connector implements one of
 * {@link io.outboxrelay.api.SourceProvider} and {@link io.outboxrelay.api.BrokerProvider} and is found by
 * {@link java.util.ServiceLoader}.
 */
package io.outboxrelay.api;
