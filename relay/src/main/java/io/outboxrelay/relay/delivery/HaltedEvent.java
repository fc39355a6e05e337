package io.outboxrelay.relay.delivery;

import java.time.Instant;

import io.outboxrelay.api.OutboxEvent;

/**
 * An event that was rejected and now holds back its aggregate.
 *
 * @param event the event
 * @param reason why it was rejected
 * @param since when it was first rejected in this run
 * @param waiting how many later events of its aggregate wait behind it
 */
public record HaltedEvent(OutboxEvent event, String reason, Instant since, int waiting) {}
