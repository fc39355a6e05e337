package io.outboxrelay.source.polling;

import java.util.Map;

import io.outboxrelay.api.AfterDelivery;
import io.outboxrelay.api.OutboxSource;
import io.outboxrelay.testkit.OutboxFixture;
import io.outboxrelay.testkit.PartitionedOutboxContract;

class PollingPartitionedOutboxTest extends PartitionedOutboxContract {

    @Override
    protected OutboxSource open(OutboxFixture fixture, AfterDelivery after) {
        return Sources.factory(Map.of("shards", 2)).open(fixture.outbox(after));
    }
}
