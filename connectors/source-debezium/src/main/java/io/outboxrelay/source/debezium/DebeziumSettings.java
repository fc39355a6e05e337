package io.outboxrelay.source.debezium;

import java.time.Duration;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Pattern;

import io.outboxrelay.api.AfterDelivery;
import io.outboxrelay.api.Code;
import io.outboxrelay.api.config.Settings;
import io.outboxrelay.postgres.ExistingRows;
import io.outboxrelay.postgres.LogSettings;

/**
 * The section {@code source.debezium}; what each setting means stands in {@code reference.conf}.
 *
 * @param log slot and hand-over, as for any source that reads the log
 * @param properties expert settings of Debezium, none of which may break the promise
 */
record DebeziumSettings(
        LogSettings log,
        String publication,
        Duration positionInterval,
        Duration heartbeatInterval,
        Duration progressTimeout,
        Duration pollInterval,
        int maxBatchRows,
        int maxQueueRows,
        long maxQueueBytes,
        Duration auditAfter,
        Map<String, String> properties) {

    /** What Postgres allows in a slot name, and what Debezium can pass on of a publication's. */
    private static final Pattern NAME = Pattern.compile("[a-z0-9_]{1,63}");

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
                new LogSettings(
                        name(settings, "slot"),
                        settings.flag("create-slot"),
                        settings.flag("failover"),
                        settings.choice("existing-rows", ExistingRows.class)),
                name(settings, "publication"),
                settings.duration("position-interval", Duration.ofMillis(10), Duration.ofSeconds(10)),
                settings.duration("heartbeat-interval", Duration.ofMillis(100), Duration.ofSeconds(1)),
                settings.duration("progress-timeout", Duration.ofSeconds(5), Duration.ofHours(1)),
                settings.duration("poll-interval", Duration.ofMillis(1), Duration.ofSeconds(1)),
                maxBatchRows,
                Math.max(maxQueueRows, maxBatchRows + 1),
                settings.bytes("max-queue-bytes", 64 << 10, 1 << 30),
                settings.duration("audit-after", Duration.ofSeconds(1), Duration.ofDays(1)),
                properties);
        if (read.log().existingRows() != ExistingRows.PUBLISH && afterDelivery.tableIsQueue()) {
            settings.problem(
                    Code.CONFIG_CONTRADICTION,
                    "existing-rows",
                    "is " + read.log().existingRows().name().toLowerCase(Locale.ROOT)
                            + "; allowed: publish, unless outbox.after-delivery = keep. What is in the table is what is"
                            + " unsent: delete the rows that are not to be sent");
        }
        if (maxQueueRows <= maxBatchRows) {
            settings.problem(
                    Code.CONFIG_CONTRADICTION,
                    "max-queue-rows",
                    "is " + maxQueueRows + "; allowed: more than max-batch-rows, which is " + maxBatchRows);
        }
        return read;
    }

    /** The replication slot's name. */
    String slot() {
        return log.slot();
    }

    private static String name(Settings settings, String key) {
        String name = settings.text(key);
        if (!NAME.matcher(name).matches()) {
            settings.problem(key, "is \"" + name + "\"; allowed: up to 63 lower-case letters, digits and underscores");
        }
        return name;
    }
}
