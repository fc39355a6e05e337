package io.outboxrelay.source.debezium;

import java.util.Map;

import io.outboxrelay.api.OutboxSource;
import io.outboxrelay.testkit.OutboxFixture;
import io.outboxrelay.testkit.SourceContentContract;

class DebeziumSourceContentTest extends SourceContentContract {

    @Override
    protected OutboxSource open(OutboxFixture fixture) {
        return Sources.open(fixture, Map.of("heartbeat-interval", "100ms"));
    }
}
