package io.outboxrelay.source.debezium;

import io.outboxrelay.api.AfterDelivery;
import io.outboxrelay.api.SourceFactory;
import io.outboxrelay.api.SourceProvider;
import io.outboxrelay.api.config.Settings;

/** Postgres' log through the embedded Debezium engine: {@code source.type = debezium}. */
public final class DebeziumSourceProvider implements SourceProvider {

    /** For {@link java.util.ServiceLoader}. */
    public DebeziumSourceProvider() {}

    @Override
    public String type() {
        return "debezium";
    }

    @Override
    public SourceFactory configure(Settings settings, AfterDelivery afterDelivery) {
        return new DebeziumSourceFactory(DebeziumSettings.of(settings, afterDelivery));
    }
}
