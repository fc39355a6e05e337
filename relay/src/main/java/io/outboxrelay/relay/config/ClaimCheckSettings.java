package io.outboxrelay.relay.config;

import java.time.Duration;
import java.util.Optional;
import java.util.Set;

import io.outboxrelay.api.config.Settings;

/**
 * Which payloads are kept in the service's database while their messages carry a reference: {@code delivery.oversize} and
 * {@code delivery.claim-check}.
 *
 * @param oversize what becomes of messages that the broker finds too large
 * @param types the types of event that always go by reference
 * @param maxSize the largest payload that is kept, in bytes
 * @param keepFor how long payloads are kept, from the sending of the message
 * @param token what fetches payloads over HTTP; empty: nothing does
 */
public record ClaimCheckSettings(
        Oversize oversize, Set<String> types, long maxSize, Duration keepFor, Optional<String> token) {

    private static final int SHORTEST_TOKEN = 16;
    private static final long MOST_BYTES = 256 << 20;

    /** @throws IllegalArgumentException if a number is out of range */
    public ClaimCheckSettings {
        types = Set.copyOf(types);
        Checks.atLeast("claim-check.max-size", maxSize, 1);
        if (keepFor.isNegative() || keepFor.isZero()) {
            throw new IllegalArgumentException("claim-check.keep-for must be longer than nothing");
        }
    }

    static ClaimCheckSettings read(Settings delivery) {
        Settings section = delivery.section("claim-check");
        Optional<String> token = section.secret("token");
        if (token.isPresent() && !isToken(token.get())) {
            section.problem("token", "is no token; allowed: " + SHORTEST_TOKEN + " or more visible ASCII characters");
        }
        return new ClaimCheckSettings(
                delivery.choice("oversize", Oversize.class),
                Set.copyOf(section.textList("types")),
                section.bytes("max-size", 64 << 10, MOST_BYTES),
                section.duration("keep-for", Duration.ofHours(1), Duration.ofDays(3650)),
                token);
    }

    /** Whether anything goes by reference. */
    public boolean isUsed() {
        return oversize == Oversize.CLAIM_CHECK || !types.isEmpty();
    }

    /** Tells all but the token. */
    @Override
    public String toString() {
        return "claim-check of " + oversize + ", types " + types + ", up to " + maxSize + " bytes, for " + keepFor
                + (token.isPresent() ? ", with a token" : "");
    }

    private static boolean isToken(String text) {
        return text.length() >= SHORTEST_TOKEN && text.chars().allMatch(c -> c > ' ' && c < 127);
    }
}
