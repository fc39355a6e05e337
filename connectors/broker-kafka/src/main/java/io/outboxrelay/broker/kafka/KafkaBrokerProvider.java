package io.outboxrelay.broker.kafka;

import io.outboxrelay.api.BrokerFactory;
import io.outboxrelay.api.BrokerProvider;
import io.outboxrelay.api.config.Settings;

/** Apache Kafka, known as {@code kafka}. */
public final class KafkaBrokerProvider implements BrokerProvider {

    /** For {@link java.util.ServiceLoader}. */
    public KafkaBrokerProvider() {}

    @Override
    public String type() {
        return "kafka";
    }

    @Override
    public BrokerFactory configure(Settings settings) {
        return new KafkaBrokerFactory(KafkaSettings.read(settings));
    }
}
