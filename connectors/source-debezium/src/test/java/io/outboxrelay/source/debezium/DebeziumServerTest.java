package io.outboxrelay.source.debezium;

import java.util.HashMap;
import java.util.Map;

import io.outboxrelay.api.SourceFactory;
import io.outboxrelay.testkit.LogServerContract;
import io.outboxrelay.testkit.OutboxFixture;

class DebeziumServerTest extends LogServerContract {

    @Override
    protected SourceFactory factory(OutboxFixture fixture, Map<String, Object> settings) {
        Map<String, Object> all = new HashMap<>(Map.of("heartbeat-interval", "100ms"));
        all.putAll(settings);
        return Sources.factory(fixture, all);
    }

    @Override
    protected Map<String, Object> littleRoom() {
        return Map.of("max-batch-rows", 10, "max-queue-rows", 20, "max-queue-bytes", "64k", "progress-timeout", "10s");
    }
}
