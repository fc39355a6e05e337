package io.outboxrelay.relay;

import java.time.Duration;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.BooleanSupplier;

import io.outboxrelay.api.Code;
import io.outboxrelay.api.SourceStatus.RetainedLog;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * How much of its log the server may keep for the relay, whoever looks: warns in time, and says when the log has to be given
 * up before it fills the disk. Safe for use by any thread.
 */
final class RetainedLogLimit {

    private static final Logger log = LoggerFactory.getLogger(RetainedLogLimit.class);

    private static final Duration BETWEEN_WARNINGS = Duration.ofMinutes(1);

    private final OptionalLong limit;

    private Optional<Long> warnedAt = Optional.empty();
    private Optional<Long> refusedAt = Optional.empty();

    /** @param limit the most bytes that may be kept; empty for no limit */
    RetainedLogLimit(OptionalLong limit) {
        this.limit = limit;
    }

    /** Whether there is anything to look for. */
    boolean isSet() {
        return limit.isPresent();
    }

    /**
     * Judges what is kept now.
     *
     * @param canGiveUp whether the table could be read instead; asked only above the limit
     * @return why the log has to be given up; empty if it need not or cannot be
     */
    synchronized Optional<String> excess(RetainedLog kept, BooleanSupplier canGiveUp) {
        if (limit.isPresent() && kept.bytes() > limit.getAsLong()) {
            return tooMuch(
                    "the server keeps " + mega(kept.bytes()) + " of log for the relay, more than"
                            + " source.max-retained-wal = " + mega(limit.getAsLong()),
                    canGiveUp);
        }
        if (limit.isPresent() && kept.bytes() > limit.getAsLong() / 2) {
            warn("The server keeps " + mega(kept.bytes()) + " of log for the relay, more than half of"
                    + " source.max-retained-wal = " + mega(limit.getAsLong()));
        }
        return Optional.empty();
    }

    private Optional<String> tooMuch(String text, BooleanSupplier canGiveUp) {
        if (isRecent(refusedAt)) {
            return Optional.empty();
        }
        if (canGiveUp.getAsBoolean()) {
            return Optional.of(text);
        }
        refusedAt = Optional.of(System.nanoTime());
        log.warn(
                "{} The table cannot be read instead of the log, and the disk of the database may fill: {}",
                Code.LOG_LIMIT,
                text);
        return Optional.empty();
    }

    private void warn(String text) {
        if (!isRecent(warnedAt)) {
            warnedAt = Optional.of(System.nanoTime());
            log.warn("{} {}", Code.LOG_GROWS, text);
        }
    }

    private static boolean isRecent(Optional<Long> at) {
        return at.isPresent() && System.nanoTime() - at.get() < BETWEEN_WARNINGS.toNanos();
    }

    private static String mega(long bytes) {
        return (bytes >> 20) + " MB";
    }
}
