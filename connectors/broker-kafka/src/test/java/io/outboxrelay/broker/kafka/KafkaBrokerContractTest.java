package io.outboxrelay.broker.kafka;

import io.outboxrelay.testkit.BrokerContract;

/** Kafka keeps what every broker keeps. */
class KafkaBrokerContractTest extends BrokerContract {

    @Override
    protected Fixture fixture() {
        return new KafkaFixture(3, "");
    }
}
