package io.outboxrelay.source.debezium;

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
import io.outboxrelay.postgres.LogPosition;
import io.outboxrelay.postgres.LogPreflight;
import io.outboxrelay.postgres.SlotWatch;

/** Opens runs over the log, all with the same settings. */
final class DebeziumSourceFactory implements SourceFactory {

    private final DebeziumSettings settings;

    DebeziumSourceFactory(DebeziumSettings settings) {
        this.settings = settings;
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
    public OutboxSource open(OutboxDatabase database) {
        return new DebeziumSource(database, settings);
    }
}
