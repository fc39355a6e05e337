package io.outboxrelay.source.debezium;

import java.sql.Connection;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;

import io.outboxrelay.api.Finding;
import io.outboxrelay.api.OutboxDatabase;
import io.outboxrelay.api.OutboxSource;
import io.outboxrelay.api.SourceFactory;
import io.outboxrelay.postgres.LogPosition;
import io.outboxrelay.postgres.LogPreflight;

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
                    new LogPreflight(database.table(), settings.publication(), settings.slot()).check(connection));
            if (findings.stream().noneMatch(finding -> finding.level() == Finding.Level.ERROR)) {
                findings.add(new LogPosition(database, settings.slot(), settings.createSlot(), settings.existingRows())
                        .check(connection));
            }
            return findings;
        }
    }

    @Override
    public OutboxSource open(OutboxDatabase database) {
        return new DebeziumSource(database, settings);
    }
}
