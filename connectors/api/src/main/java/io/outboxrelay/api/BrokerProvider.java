package io.outboxrelay.api;

import io.outboxrelay.api.config.Settings;

/** A kind of broker, found by {@link java.util.ServiceLoader}. */
public interface BrokerProvider {

    /** The name that {@code broker.type} knows it by; its settings are in the section {@code broker.<type>}. */
    String type();

    /** Reads the section {@code broker.<type>}, and connects to nothing. Faults are left with the settings, all of them. */
    BrokerFactory configure(Settings settings);
}
