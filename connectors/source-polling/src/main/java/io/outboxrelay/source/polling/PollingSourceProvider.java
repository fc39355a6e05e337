package io.outboxrelay.source.polling;

import io.outboxrelay.api.AfterDelivery;
import io.outboxrelay.api.SourceFactory;
import io.outboxrelay.api.SourceProvider;
import io.outboxrelay.api.config.Settings;

/** The outbox table, read by SQL as a queue: {@code source.type = polling}. */
public final class PollingSourceProvider implements SourceProvider {

    /** For {@link java.util.ServiceLoader}. */
    public PollingSourceProvider() {}

    @Override
    public String type() {
        return "polling";
    }

    @Override
    public SourceFactory configure(Settings settings, AfterDelivery afterDelivery) {
        return new PollingSourceFactory(PollingSettings.of(settings));
    }
}
