package io.outboxrelay.relay;

import java.sql.SQLException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import java.util.stream.Collectors;

import io.outboxrelay.api.Code;
import io.outboxrelay.api.Finding;
import io.outboxrelay.api.OutboxDatabase;
import io.outboxrelay.api.OutboxSource;
import io.outboxrelay.api.PositionLostException;
import io.outboxrelay.api.SourceFactory;
import io.outboxrelay.relay.config.SourceSettings;
import io.outboxrelay.relay.ops.Health;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Decides which source reads next, the log's or the table's, and why. The way back from the table to the log is
 * {@link ReturnToLog}'s. Used by one thread, except where it says otherwise.
 */
final class LogOrTable implements AutoCloseable {

    private static final Logger log = LoggerFactory.getLogger(LogOrTable.class);

    /** A table with more unsent rows is read before the log takes over: a hand-over keeps a snapshot open all the while. */
    private static final int MANY_ROWS = 5_000;

    /** How long a start waits for the log before it reads the table meanwhile. */
    private static final Duration PREPARATION = Duration.ofSeconds(1);

    /** A run that has streamed for so long shows that the log can be read. */
    private static final Duration PROOF = Duration.ofSeconds(10);

    private static final String UNREADABLE = "the log cannot be read: ";

    /** What is read. */
    enum Mode {
        /** The log. */
        LOG,
        /** The table. */
        TABLE
    }

    /**
     * What reads next.
     *
     * @param mode what is read
     * @param reason why not the log; empty where nothing is wrong
     * @param opening opens the source; to be asked once at most
     * @param wantsLog whether to try to return to the log meanwhile
     */
    record Next(Mode mode, String reason, Supplier<OutboxSource> opening, boolean wantsLog) {}

    private final SourceSettings settings;
    private final OutboxDatabase database;
    private final LongSupplier nanoTime;
    private final LeftLog left;

    /** Why the table is read although the log should be. */
    private Optional<String> tableBecause = Optional.empty();

    private boolean logIsGivenUp;

    /** Made ready for the next run of the log. */
    private Optional<Preparation> preparation = Optional.empty();

    /** From a hand-over's beginning until the log streams. */
    private boolean handingOver;

    private OptionalLong failingSince = OptionalLong.empty();
    private int failedReturns;
    private final AtomicLong fallbacks = new AtomicLong();

    /** @param nanoTime a clock that only moves forward */
    LogOrTable(SourceSettings settings, OutboxDatabase database, LongSupplier nanoTime) {
        this.settings = settings;
        this.database = database;
        this.nanoTime = nanoTime;
        this.left = new LeftLog(settings.primary(), database, (code, text) -> log.warn("{} {}", code, text));
    }

    /** Whether the log was made ready and reads next, whatever a check would say. */
    boolean isReadyForLog() {
        return handingOver && preparation.isPresent();
    }

    /** The log that was made ready. */
    Next readyLog() {
        return log();
    }

    /**
     * Decides.
     *
     * @param check what the sources say now; one of them works
     */
    Next next(SourcesCheck check) throws Exception {
        if (settings.fallback().isEmpty()) {
            return settings.primary().isShared() ? tableAlone() : log();
        }
        if (!check.fallbackWorks()) {
            tableBecause = Optional.empty();
            return log();
        }
        if (tableBecause.isEmpty()) {
            if (!check.primaryWorks()) {
                goToTable(UNREADABLE + withoutRemedies(SourcesCheck.errors(check.primary())));
            } else if (!settings.primary().hasPosition(database)) {
                begin();
            }
        }
        return tableBecause.isPresent() ? tableInstead() : log();
    }

    /**
     * A log without a position begins with what the table holds. One that is not ready in time is given up, and made ready
     * anew beside the reading of the table: that begins by giving up whatever position it finds.
     */
    private void begin() throws Exception {
        if (OutboxQueries.holdsMoreThan(MANY_ROWS, database)) {
            goToTable("the table holds more than " + MANY_ROWS
                    + " rows that the log does not tell of; they are read first");
            return;
        }
        handingOver = true;
        Preparation begun = Preparation.of(settings.primary().open(database));
        preparation = Optional.of(begun);
        if (!begun.await(PREPARATION)) {
            close();
            tableBecause = Optional.of("the log can be read once older transactions of the database have ended");
        }
    }

    private Next log() {
        Optional<Preparation> ready = preparation;
        preparation = Optional.empty();
        SourceFactory primary = settings.primary();
        return new Next(
                Mode.LOG, "", () -> ready.map(Preparation::take).orElseGet(() -> primary.open(database)), false);
    }

    private Next tableAlone() {
        SourceFactory primary = settings.primary();
        return new Next(Mode.TABLE, "", () -> primary.open(database), false);
    }

    private Next tableInstead() throws SQLException {
        giveUpLeftLog();
        SourceFactory fallback = settings.fallback().orElseThrow();
        return new Next(Mode.TABLE, tableBecause.orElseThrow(), () -> fallback.open(database), true);
    }

    /**
     * Gives up the log's position if the log was left and that has not been done: what it pins may fill a disk.
     *
     * @throws SQLException if the database cannot be asked; to be called again
     */
    void giveUpLeftLog() throws SQLException {
        if (tableBecause.isEmpty() || logIsGivenUp) {
            return;
        }
        left.giveUp();
        logIsGivenUp = true;
        // What still stands in the way now is what somebody has to mend.
        List<Finding> inTheWay = SourcesCheck.errors(settings.primary().check(database));
        if (!inTheWay.isEmpty()) {
            tableBecause = Optional.of(UNREADABLE + SourcesCheck.text(inTheWay));
        }
    }

    /** The log streamed for so long; to be called before {@link #logFailed}. */
    void logStreamed(Duration time) {
        handingOver = false;
        if (time.compareTo(PROOF) >= 0) {
            failingSince = OptionalLong.empty();
            failedReturns = 0;
        }
    }

    /**
     * The log has failed, or could not begin.
     *
     * @return whether the table is read now
     */
    boolean logFailed(Exception failure, Diagnosis meaning) {
        boolean beforeItStreamed = handingOver;
        close();
        if (settings.fallback().isEmpty() || tableBecause.isPresent()) {
            return false;
        }
        if (meaning.state() == Health.State.STANDBY || !OutboxQueries.answers(database)) {
            failingSince = OptionalLong.empty();
            return false;
        }
        if (beforeItStreamed) {
            failedReturns++;
        }
        Optional<PositionLostException> lost = Diagnosis.positionLost(failure);
        String text = lost.map(gap -> gap.code() + " " + gap.getMessage()).orElse(meaning.toString());
        if (lost.isPresent() || !meaning.waitingMends() || beforeItStreamed) {
            return leave(UNREADABLE + text);
        }
        if (failingSince.isEmpty()) {
            failingSince = OptionalLong.of(nanoTime.getAsLong());
        }
        return untilTable().orElseThrow().isZero()
                && leave("the log could not be read for "
                        + settings.fallbackAfter().toSeconds() + " s: " + text);
    }

    /** When the table will be read if the log still fails then; empty if nothing is decided by time. */
    Optional<Duration> untilTable() {
        if (failingSince.isEmpty()) {
            return Optional.empty();
        }
        Duration left = settings.fallbackAfter().minusNanos(nanoTime.getAsLong() - failingSince.getAsLong());
        return Optional.of(left.isNegative() ? Duration.ZERO : left);
    }

    /** Whether the fallback could read now. Any thread may ask. */
    boolean canLeave() {
        try {
            return settings.fallback().isPresent()
                    && SourcesCheck.errors(settings.fallback().get().check(database))
                            .isEmpty();
        } catch (SQLException e) {
            log.debug("The fallback cannot be asked", e);
            return false;
        }
    }

    /**
     * Leaves the log for the table, if that can be read.
     *
     * @return whether the table is read now
     */
    boolean leave(String reason) {
        if (!canLeave()) {
            return false;
        }
        goToTable(reason);
        return true;
    }

    /** Leaves the log, if it was not left, and gives its position up at once: the server keeps too much for it. */
    void giveUpLog(String reason) {
        close();
        if (tableBecause.isEmpty() && !leave(reason)) {
            return;
        }
        logIsGivenUp = false;
        try {
            giveUpLeftLog();
        } catch (SQLException e) {
            log.debug("The log's position is given up before the next run", e);
        }
    }

    private void goToTable(String reason) {
        tableBecause = Optional.of(reason);
        logIsGivenUp = false;
        failingSince = OptionalLong.empty();
        fallbacks.incrementAndGet();
        log.warn("{} Going over to the table: {}", Code.LOG_LEFT, reason);
    }

    /** The log is ready and reads next. */
    void returnToLog(Preparation ready) {
        log.info("The log is ready: returning to it");
        tableBecause = Optional.empty();
        preparation = Optional.of(ready);
        handingOver = true;
    }

    /** For whoever tries to return to it meanwhile. */
    LeftLog leftLog() {
        return left;
    }

    /** How often in a row the return to the log has failed. */
    int failedReturns() {
        return failedReturns;
    }

    /** Takes over what {@link ReturnToLog} has counted. */
    void failedReturns(int count) {
        failedReturns = count;
    }

    /** How often the log was left for the table. Any thread may ask. */
    long fallbacks() {
        return fallbacks.get();
    }

    /** Closes what was made ready and is not needed any more. */
    @Override
    public void close() {
        preparation.ifPresent(Preparation::close);
        preparation = Optional.empty();
        handingOver = false;
    }

    private static String withoutRemedies(List<Finding> errors) {
        return errors.stream()
                .map(error -> error.code().orElseThrow() + " " + error.subject() + ": " + error.text())
                .collect(Collectors.joining(" | "));
    }
}
