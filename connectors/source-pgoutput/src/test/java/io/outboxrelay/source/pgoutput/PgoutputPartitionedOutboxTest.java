package io.outboxrelay.source.pgoutput;

import java.util.Map;

import io.outboxrelay.api.AfterDelivery;
import io.outboxrelay.api.OutboxSource;
import io.outboxrelay.testkit.OutboxFixture;
import io.outboxrelay.testkit.PartitionedOutboxContract;

class PgoutputPartitionedOutboxTest extends PartitionedOutboxContract {

    @Override
    protected OutboxSource open(OutboxFixture fixture, AfterDelivery after) {
        return Sources.open(fixture, after, Map.of("status-interval", "200ms"));
    }
}
