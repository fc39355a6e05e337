/** The configuration of the relay: one immutable record per section, checked as it is built. */
package io.outboxrelay.relay.config;
