package io.outboxrelay.relay.config;

import java.util.List;

import io.outboxrelay.api.AfterDelivery;
import io.outboxrelay.api.Finding;
import io.outboxrelay.api.OutboxDatabase;
import io.outboxrelay.api.OutboxSource;
import io.outboxrelay.api.SourceFactory;
import io.outboxrelay.api.SourceProvider;
import io.outboxrelay.api.config.Settings;

/**
 * A source with one setting of its own, which reads nothing.
 *
 * @param isShared as a source of the table is
 */
record ScriptedSource(String type, boolean isShared) implements SourceProvider {

    @Override
    public SourceFactory configure(Settings settings, AfterDelivery afterDelivery) {
        int lanes = settings.integer("lanes", 1, 9);
        boolean shared = isShared;
        return new SourceFactory() {
            @Override
            public boolean isShared() {
                return shared;
            }

            @Override
            public List<Finding> check(OutboxDatabase database) {
                return List.of(Finding.ok("lanes", String.valueOf(lanes)));
            }

            @Override
            public OutboxSource open(OutboxDatabase database) {
                throw new UnsupportedOperationException();
            }
        };
    }
}
