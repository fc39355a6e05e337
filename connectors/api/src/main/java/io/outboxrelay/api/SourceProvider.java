package io.outboxrelay.api;

import io.outboxrelay.api.config.Settings;

/** A kind of source, found by {@link java.util.ServiceLoader}. */
public interface SourceProvider {

    /** The name that {@code source.type} knows it by; its settings are in the section {@code source.<type>}. */
    String type();

    /**
     * Reads the section {@code source.<type>}, and connects to nothing. Faults are left with the settings, all of them.
     *
     * @param afterDelivery what else is configured and some of the section's settings must agree with
     */
    SourceFactory configure(Settings settings, AfterDelivery afterDelivery);
}
