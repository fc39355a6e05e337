package io.outboxrelay.relay.config;

import java.time.Duration;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * The section {@code delivery}: how a row becomes a message, and how much may be under way.
 *
 * @param topic template of the destination
 * @param key template of the ordering key
 * @param headers names and templates of the headers, in the order in which they appear; none is empty
 * @param onRejected what becomes of an event that will never be taken
 * @param deadLetterTopic where {@link OnRejected#DEAD_LETTER} puts it; no template
 * @param maxInFlight how many events may be unsettled at once
 * @param maxInFlightBytes how many bytes they may hold, as {@code OutboxEvent.size()} counts them
 * @param retryInitial the first wait before a broker that failed is opened again
 * @param retryMax the longest such wait
 */
public record DeliverySettings(
        String topic,
        String key,
        Map<String, String> headers,
        OnRejected onRejected,
        String deadLetterTopic,
        int maxInFlight,
        long maxInFlightBytes,
        Duration retryInitial,
        Duration retryMax) {

    /** @throws IllegalArgumentException if the settings contradict each other */
    public DeliverySettings {
        headers = Collections.unmodifiableMap(new LinkedHashMap<>(headers));
        Checks.notBlank("topic", topic);
        Checks.notBlank("dead-letter.topic", deadLetterTopic);
        Checks.atLeast("max-in-flight", maxInFlight, 1);
        Checks.atLeast("max-in-flight-bytes", maxInFlightBytes, 1);
        Checks.ordered("retry.initial", retryInitial, "retry.max", retryMax);
    }
}
