package io.outboxrelay.source.debezium;

import java.time.Duration;
import java.util.Map;

import io.outboxrelay.api.AfterDelivery;
import io.outboxrelay.api.Code;
import io.outboxrelay.api.config.Settings;
import io.outboxrelay.postgres.LogReaderSettings;

/**
 * The section {@code source.debezium}; what each setting means stands in {@code reference.conf}.
 *
 * @param reader as for any source that reads the log
 * @param properties expert settings of Debezium, none of which may break the promise
 */
record DebeziumSettings(
        LogReaderSettings reader,
        Duration heartbeatInterval,
        Duration pollInterval,
        int maxBatchRows,
        int maxQueueRows,
        long maxQueueBytes,
        Map<String, String> properties) {

    DebeziumSettings {
        properties = Map.copyOf(properties);
        if (maxQueueRows <= maxBatchRows) {
            throw new IllegalArgumentException("max-queue-rows is " + maxQueueRows
                    + "; allowed: more than max-batch-rows, which is " + maxBatchRows);
        }
    }

    /** Reads the section; what is wrong with it is left there. */
    static DebeziumSettings of(Settings settings, AfterDelivery afterDelivery) {
        Map<String, String> properties = settings.texts("properties");
        properties.forEach((name, value) -> RefusedProperties.reason(name)
                .ifPresent(reason -> settings.problem("properties", "\"" + name + "\" is not allowed: " + reason)));
        int maxBatchRows = settings.integer("max-batch-rows", 1, 100_000);
        int maxQueueRows = settings.integer("max-queue-rows", 2, 1_000_000);
        DebeziumSettings read = new DebeziumSettings(
                // Debezium can pass on no other name of a publication.
                LogReaderSettings.of(settings, afterDelivery, LogReaderSettings.plainName(settings, "publication")),
                settings.duration("heartbeat-interval", Duration.ofMillis(100), Duration.ofSeconds(1)),
                settings.duration("poll-interval", Duration.ofMillis(1), Duration.ofSeconds(1)),
                maxBatchRows,
                Math.max(maxQueueRows, maxBatchRows + 1),
                settings.bytes("max-queue-bytes", 64 << 10, 1 << 30),
                properties);
        if (maxQueueRows <= maxBatchRows) {
            settings.problem(
                    Code.CONFIG_CONTRADICTION,
                    "max-queue-rows",
                    "is " + maxQueueRows + "; allowed: more than max-batch-rows, which is " + maxBatchRows);
        }
        return read;
    }
}
