package io.outboxrelay.postgres;

import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.Optional;
import javax.sql.DataSource;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Notices a stream that hangs without an error, which neither its reader nor TCP does for minutes. A stream that stands
 * still is given up unless the server's process is seen at work. Used by one thread, but for {@link #terminate}.
 */
final class StallWatch {

    private static final Logger log = LoggerFactory.getLogger(StallWatch.class);

    private final DataSource database;
    private final String slot;
    private final String application;
    private final Progress progress;
    private final Duration timeout;

    private final long began = System.nanoTime();

    private Optional<Walsender> halfway = Optional.empty();

    /** To be made before the stream is opened, by a session that calls itself {@code application}. */
    StallWatch(DataSource database, String slot, String application, Progress progress, Duration timeout) {
        this.database = database;
        this.slot = slot;
        this.application = application;
        this.progress = progress;
        this.timeout = timeout;
    }

    /**
     * Looks once.
     *
     * @return why the stream must be given up; empty if it may go on
     * @throws SQLException if the stream stands still and the database cannot be asked why
     */
    Optional<String> look() throws SQLException {
        Duration still = progress.still();
        if (still.compareTo(timeout.dividedBy(2)) < 0) {
            halfway = Optional.empty();
            return Optional.empty();
        }
        if (halfway.isEmpty()) {
            halfway = walsender();
        }
        if (still.compareTo(timeout) < 0) {
            return Optional.empty();
        }
        Optional<Walsender> now = walsender();
        if (now.isPresent() && halfway.isPresent() && now.get().isAtWork(halfway.get())) {
            log.info("The stream has not moved for {} s; the server is at work on it", still.toSeconds());
            halfway = Optional.empty();
            progress.excuse();
            return Optional.empty();
        }
        terminate();
        return Optional.of(
                "the stream has not moved for " + still.toSeconds() + " s, and the server's process hangs or is gone");
    }

    private Optional<Walsender> walsender() throws SQLException {
        try (Connection connection = database.getConnection()) {
            return Walsender.read(connection, progress.backend());
        }
    }

    /**
     * Ends the server's process. Else it would hold the slot until wal_sender_timeout; and one that is still making a slot
     * anew that is gone, until the oldest transaction has ended.
     */
    void terminate() throws SQLException {
        int backend = progress.backend();
        try (Connection connection = database.getConnection()) {
            if (backend == 0) {
                Walsender.terminateOpening(connection, slot, application, Duration.ofNanos(System.nanoTime() - began));
            } else {
                Walsender.terminate(connection, backend);
            }
        }
    }
}
