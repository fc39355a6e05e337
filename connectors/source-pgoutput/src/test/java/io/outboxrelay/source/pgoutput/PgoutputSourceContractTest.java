package io.outboxrelay.source.pgoutput;

import java.util.Map;

import io.outboxrelay.api.OutboxSource;
import io.outboxrelay.testkit.LogSourceContract;
import io.outboxrelay.testkit.OutboxFixture;

class PgoutputSourceContractTest extends LogSourceContract {

    @Override
    protected OutboxSource open(OutboxFixture fixture) {
        return Sources.open(fixture, Map.of("status-interval", "100ms"));
    }
}
