package io.outboxrelay.source.pgoutput;

import java.util.Map;

import io.outboxrelay.api.OutboxSource;
import io.outboxrelay.testkit.OutboxFixture;
import io.outboxrelay.testkit.SourceContentContract;

class PgoutputSourceContentTest extends SourceContentContract {

    @Override
    protected OutboxSource open(OutboxFixture fixture) {
        return Sources.open(fixture, Map.of("status-interval", "100ms"));
    }
}
