package io.outboxrelay.source.pgoutput;

import io.outboxrelay.api.AfterDelivery;
import io.outboxrelay.api.SourceFactory;
import io.outboxrelay.api.SourceProvider;
import io.outboxrelay.api.config.Settings;
import io.outboxrelay.postgres.LogSourceFactory;

/** Postgres' log through the relay's own reader: {@code source.type = pgoutput}. */
public final class PgoutputSourceProvider implements SourceProvider {

    /** For {@link java.util.ServiceLoader}. */
    public PgoutputSourceProvider() {}

    @Override
    public String type() {
        return "pgoutput";
    }

    @Override
    public SourceFactory configure(Settings settings, AfterDelivery afterDelivery) {
        PgoutputSettings read = PgoutputSettings.of(settings, afterDelivery);
        return new LogSourceFactory(
                read.reader(),
                ReplicationStream.APPLICATION,
                read.messagePrefix().map(prefix -> settings.at("message-prefix") + " = " + prefix),
                (database, position, start, handler, cleanup, progress) ->
                        new PgoutputStream(read, database, position, start, handler, cleanup, progress));
    }
}
