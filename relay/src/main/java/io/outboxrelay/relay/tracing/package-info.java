/** Spans of single events by OpenTelemetry. Nothing else knows that library, and without an endpoint none of it is loaded. */
package io.outboxrelay.relay.tracing;
