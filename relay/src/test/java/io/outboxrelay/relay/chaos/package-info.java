/**
 * Breaks what a relay stands on, one thing after another, while services write, and judges what came out. Servers,
 * networks and relays are real.
 */
package io.outboxrelay.relay.chaos;
