package io.outboxrelay.postgres;

import java.sql.Connection;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

import io.outboxrelay.api.Finding;
import io.outboxrelay.api.OutboxDatabase;
import io.outboxrelay.api.OutboxSource;
import io.outboxrelay.api.SourceFactory;
import io.outboxrelay.api.SourceStatus.RetainedLog;

/** Opens runs over the log, all with the same settings and the same kind of stream. */
public final class LogSourceFactory implements SourceFactory {

    private final LogReaderSettings settings;
    private final String application;
    private final Optional<String> eventsWithoutRow;
    private final LogStream.Opener opener;

    /**
     * @param application what the session that streams calls itself: by that it is known while it opens the stream
     * @param eventsWithoutRow the setting, as it is written, by which the stream has events that have no row, if it has
     */
    public LogSourceFactory(
            LogReaderSettings settings,
            String application,
            Optional<String> eventsWithoutRow,
            LogStream.Opener opener) {
        this.settings = settings;
        this.application = application;
        this.eventsWithoutRow = eventsWithoutRow;
        this.opener = opener;
    }

    @Override
    public List<Finding> check(OutboxDatabase database) throws SQLException {
        try (Connection connection = database.dataSource().getConnection()) {
            List<Finding> findings = new ArrayList<>(
                    new LogPreflight(database.table(), database.afterDelivery(), settings.log(), settings.publication())
                            .check(connection));
            if (findings.stream().noneMatch(finding -> finding.level() == Finding.Level.ERROR)) {
                findings.add(new LogPosition(database, settings.log()).check(connection));
            }
            return findings;
        }
    }

    @Override
    public boolean hasPosition(OutboxDatabase database) throws SQLException {
        return new LogPosition(database, settings.log()).exists();
    }

    @Override
    public List<Finding> abandon(OutboxDatabase database) throws SQLException {
        return new LogPosition(database, settings.log()).abandon();
    }

    @Override
    public void takeOver(OutboxDatabase database) throws SQLException {
        new LogPosition(database, settings.log()).endFormerReader();
    }

    @Override
    public Optional<RetainedLog> retainedLog(OutboxDatabase database) throws SQLException {
        return SlotWatch.retained(database.dataSource(), settings.slot());
    }

    @Override
    public Optional<String> slot() {
        return Optional.of(settings.slot());
    }

    @Override
    public boolean makesSlot() {
        return settings.log().createSlot();
    }

    @Override
    public Optional<String> publication() {
        return Optional.of(settings.publication());
    }

    @Override
    public Optional<String> eventsWithoutRow() {
        return eventsWithoutRow;
    }

    @Override
    public OutboxSource open(OutboxDatabase database) {
        return new LogSource(database, settings, application, opener);
    }
}
