package io.outboxrelay.source.pgoutput;

import java.time.Duration;
import java.util.Optional;

import io.outboxrelay.api.AfterDelivery;
import io.outboxrelay.api.config.Settings;
import io.outboxrelay.postgres.LogReaderSettings;
import io.outboxrelay.schema.Identifier;

/**
 * The section {@code source.pgoutput}; what each setting means stands in {@code reference.conf}.
 *
 * @param reader as for any source that reads the log
 * @param messagePrefix of the logical messages that are events; empty if none are
 */
record PgoutputSettings(
        LogReaderSettings reader,
        Optional<String> messagePrefix,
        Duration statusInterval,
        int maxBatchRows,
        long maxBatchBytes) {

    /** Reads the section; what is wrong with it is left there. */
    static PgoutputSettings of(Settings settings, AfterDelivery afterDelivery) {
        return new PgoutputSettings(
                LogReaderSettings.of(settings, afterDelivery, publication(settings)),
                settings.optionalText("message-prefix"),
                settings.duration("status-interval", Duration.ofMillis(100), Duration.ofSeconds(1)),
                settings.integer("max-batch-rows", 1, 100_000),
                settings.bytes("max-batch-bytes", 64 << 10, 64 << 20));
    }

    private static String publication(Settings settings) {
        String name = settings.text("publication");
        try {
            Identifier.requireValid(name);
        } catch (IllegalArgumentException e) {
            settings.problem("publication", "is \"" + name + "\"; " + e.getMessage());
        }
        return name;
    }
}
