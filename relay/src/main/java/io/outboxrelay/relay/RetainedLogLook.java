package io.outboxrelay.relay;

import java.sql.SQLException;
import java.time.Duration;
import java.util.Optional;
import java.util.function.BooleanSupplier;

import io.outboxrelay.api.OutboxDatabase;
import io.outboxrelay.api.SourceFactory;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Asks the server what it keeps of its log where no run of the log tells it: between two runs, and while the log is being
 * made ready. Asks at most once a second, however often it is called. Used by one thread.
 */
final class RetainedLogLook {

    private static final Logger log = LoggerFactory.getLogger(RetainedLogLook.class);

    static final Duration PAUSE = Duration.ofSeconds(1);

    /** What is given up may stay all the same, for example while a reader that is cut off still counts as connected. */
    private static final Duration PAUSE_AFTER_EXCESS = Duration.ofSeconds(30);

    private final SourceFactory source;
    private final OutboxDatabase database;
    private final RetainedLogLimit limit;
    private final BooleanSupplier canGiveUp;

    private long due = System.nanoTime();

    /**
     * @param source for which the log is kept
     * @param canGiveUp whether the table could be read instead
     */
    RetainedLogLook(SourceFactory source, OutboxDatabase database, RetainedLogLimit limit, BooleanSupplier canGiveUp) {
        this.source = source;
        this.database = database;
        this.limit = limit;
        this.canGiveUp = canGiveUp;
    }

    /** Why the log has to be given up now; said again after half a minute if it is still so. */
    Optional<String> excess() {
        if (!limit.isSet() || System.nanoTime() - due < 0) {
            return Optional.empty();
        }
        Optional<String> excess = Optional.empty();
        try {
            excess = source.retainedLog(database).flatMap(kept -> limit.excess(kept, canGiveUp));
        } catch (SQLException e) {
            log.debug("Cannot ask how much log is kept", e);
        }
        due = System.nanoTime() + (excess.isPresent() ? PAUSE_AFTER_EXCESS : PAUSE).toNanos();
        return excess;
    }
}
