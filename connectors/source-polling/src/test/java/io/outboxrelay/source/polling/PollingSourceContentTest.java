package io.outboxrelay.source.polling;

import java.util.Map;

import io.outboxrelay.api.OutboxSource;
import io.outboxrelay.testkit.OutboxFixture;
import io.outboxrelay.testkit.SourceContentContract;

class PollingSourceContentTest extends SourceContentContract {

    @Override
    protected OutboxSource open(OutboxFixture fixture) {
        return Sources.open(fixture, Map.of("max-poll-interval", "100ms"));
    }
}
