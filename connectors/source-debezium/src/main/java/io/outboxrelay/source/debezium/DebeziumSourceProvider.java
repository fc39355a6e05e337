package io.outboxrelay.source.debezium;

import java.util.Optional;

import io.outboxrelay.api.AfterDelivery;
import io.outboxrelay.api.SourceFactory;
import io.outboxrelay.api.SourceProvider;
import io.outboxrelay.api.config.Settings;
import io.outboxrelay.postgres.LogSourceFactory;

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
        DebeziumSettings read = DebeziumSettings.of(settings, afterDelivery);
        return new LogSourceFactory(
                read.reader(),
                DebeziumStream.APPLICATION,
                Optional.empty(),
                (database, position, start, handler, cleanup, progress) ->
                        new DebeziumStream(read, database, position, start, handler, cleanup, progress));
    }
}
