package io.outboxrelay.relay.config;

import java.util.Map;
import java.util.TreeMap;

import io.outboxrelay.api.config.Settings;
import io.outboxrelay.relay.delivery.NullPayload;
import io.outboxrelay.relay.delivery.Router;

/** Reads the section {@code delivery}. */
final class DeliverySection {

    private final Settings section;

    DeliverySection(Settings section) {
        this.section = section;
    }

    DeliverySettings read() {
        String topic = template(section, "topic", section.text("topic"));
        String key = template(section, "key", section.text("key"));
        return new DeliverySettings(
                topic,
                key,
                headers(),
                section.choice("null-payload", NullPayload.class),
                ClaimCheckSettings.read(section),
                RejectionSettings.read(section),
                section.integer("max-in-flight", 1, 1_000_000),
                section.bytes("max-in-flight-bytes", 64 << 10, 1 << 30),
                RateLimitSettings.read(section.section("rate-limit")),
                RetrySettings.read(section.section("retry")));
    }

    /** Sorted by name, since HOCON keeps no order. */
    private Map<String, String> headers() {
        Map<String, String> headers = new TreeMap<>(section.texts("headers"));
        headers.values().removeIf(String::isEmpty);
        Settings names = section.section("headers");
        headers.replaceAll((name, template) -> template(names, name, template));
        return headers;
    }

    private static String template(Settings section, String key, String text) {
        try {
            Router.constantDestination(text);
            return text;
        } catch (IllegalArgumentException e) {
            section.problem(key, e.getMessage());
            return "?";
        }
    }
}
