package io.outboxrelay.relay.config;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

import io.outboxrelay.relay.delivery.NullPayload;

/**
 * The section {@code delivery}: how a row becomes a message, and how much may be under way.
 *
 * @param topic template of the destination
 * @param key template of the ordering key
 * @param headers names and templates of the headers, in the order in which they appear; none is empty
 * @param nullPayload what a payload that is NULL becomes
 * @param claimCheck which payloads go another way
 * @param rejection what becomes of events that will never be taken
 * @param maxInFlight how many events may be unsettled at once
 * @param maxInFlightBytes how many bytes they may hold, as {@code OutboxEvent.size()} counts them
 * @param rateLimit how fast events may be sent
 * @param retry how a broker that failed is tried again
 */
public record DeliverySettings(
        String topic,
        String key,
        Map<String, String> headers,
        NullPayload nullPayload,
        ClaimCheckSettings claimCheck,
        RejectionSettings rejection,
        int maxInFlight,
        long maxInFlightBytes,
        RateLimitSettings rateLimit,
        RetrySettings retry) {

    /** @throws IllegalArgumentException if the settings contradict each other */
    public DeliverySettings {
        headers = Collections.unmodifiableMap(new LinkedHashMap<>(headers));
        Checks.notBlank("topic", topic);
        Checks.atLeast("max-in-flight", maxInFlight, 1);
        Checks.atLeast("max-in-flight-bytes", maxInFlightBytes, 1);
    }
}
