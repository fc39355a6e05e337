package io.outboxrelay.relay.config;

import io.outboxrelay.api.config.Settings;

/**
 * What becomes of rejected events: {@code delivery.on-rejected} and {@code delivery.dead-letter}.
 *
 * @param policy what becomes of them
 * @param store where {@link OnRejected#DEAD_LETTER} puts them; {@link OnRejected#PARK_KEY} always takes the table
 * @param topic the destination of {@link Store#TOPIC}; no template
 */
public record RejectionSettings(OnRejected policy, Store store, String topic) {

    /** Where dead letters are kept. */
    public enum Store {
        /** In the table {@code outbox_dead_letter} of the service's database. */
        TABLE,
        /** With the broker. */
        TOPIC
    }

    /** @throws IllegalArgumentException if the topic is empty */
    public RejectionSettings {
        Checks.notBlank("dead-letter.topic", topic);
    }

    static RejectionSettings read(Settings delivery) {
        Settings deadLetter = delivery.section("dead-letter");
        return new RejectionSettings(
                delivery.choice("on-rejected", OnRejected.class),
                deadLetter.choice("store", Store.class),
                deadLetter.text("topic"));
    }

    /** Whether dead letters go to the broker. */
    public boolean usesTopic() {
        return policy == OnRejected.DEAD_LETTER && store == Store.TOPIC;
    }

    /** Whether rejected events go to the table. */
    public boolean usesTable() {
        return policy == OnRejected.PARK_KEY || (policy == OnRejected.DEAD_LETTER && store == Store.TABLE);
    }
}
