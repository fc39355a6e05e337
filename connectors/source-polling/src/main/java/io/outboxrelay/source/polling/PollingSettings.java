package io.outboxrelay.source.polling;

import java.time.Duration;
import java.util.Optional;

import io.outboxrelay.api.Code;
import io.outboxrelay.api.config.Settings;
import io.outboxrelay.schema.Identifier;

/**
 * The section {@code source.polling}; what each setting means stands in {@code reference.conf}.
 *
 * @param channel the channel of notifications that wake the source; empty if it is not to listen
 */
record PollingSettings(
        int shards,
        Duration lease,
        Duration minPollInterval,
        Duration maxPollInterval,
        int maxBatchRows,
        long maxBatchBytes,
        Optional<String> channel) {

    /** Reads the section; what is wrong with it is left there. */
    static PollingSettings of(Settings settings) {
        Duration min = settings.duration("min-poll-interval", Duration.ofMillis(1), Duration.ofSeconds(1));
        Duration max = settings.duration("max-poll-interval", Duration.ofMillis(10), Duration.ofSeconds(30));
        if (max.compareTo(min) < 0) {
            settings.problem(Code.CONFIG_CONTRADICTION, "max-poll-interval", "is shorter than min-poll-interval");
        }
        Settings notify = settings.section("notify");
        boolean enabled = notify.flag("enabled");
        String channel = notify.text("channel");
        try {
            Identifier.requireValid(channel);
        } catch (IllegalArgumentException e) {
            notify.problem("channel", "is not usable: " + e.getMessage());
        }
        return new PollingSettings(
                settings.integer("shards", 1, ShardLocks.MOST),
                settings.duration("lease", Duration.ofSeconds(2), Duration.ofMinutes(2)),
                min,
                max,
                settings.integer("max-batch-rows", 1, 100_000),
                settings.bytes("max-batch-bytes", 64 << 10, 1 << 30),
                enabled ? Optional.of(channel) : Optional.empty());
    }
}
