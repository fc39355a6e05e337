package io.outboxrelay.source.pgoutput;

import java.util.HashMap;
import java.util.Map;

import io.outboxrelay.api.SourceFactory;
import io.outboxrelay.testkit.FailoverContract;
import io.outboxrelay.testkit.OutboxFixture;

class PgoutputFailoverTest extends FailoverContract {

    @Override
    protected SourceFactory factory(OutboxFixture fixture, Map<String, Object> settings) {
        Map<String, Object> all = new HashMap<>(Map.of("status-interval", "100ms"));
        all.putAll(settings);
        return Sources.factory(fixture, all);
    }
}
