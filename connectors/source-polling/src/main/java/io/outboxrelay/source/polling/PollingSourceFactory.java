package io.outboxrelay.source.polling;

import java.sql.Connection;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;

import io.outboxrelay.api.Finding;
import io.outboxrelay.api.OutboxDatabase;
import io.outboxrelay.api.OutboxSource;
import io.outboxrelay.api.SourceFactory;
import io.outboxrelay.postgres.TablePreflight;

/** Opens runs over the table, all with the same settings. */
final class PollingSourceFactory implements SourceFactory {

    private final PollingSettings settings;

    PollingSourceFactory(PollingSettings settings) {
        this.settings = settings;
    }

    @Override
    public List<Finding> check(OutboxDatabase database) throws SQLException {
        List<Finding> findings = new ArrayList<>();
        try (Connection connection = database.dataSource().getConnection()) {
            findings.addAll(new TablePreflight(database.table(), database.afterDelivery()).check(connection));
        }
        findings.add(TablePreflight.sessions(database.address()));
        return findings;
    }

    @Override
    public boolean isShared() {
        return true;
    }

    @Override
    public OutboxSource open(OutboxDatabase database) {
        return new PollingSource(database, settings);
    }
}
