package io.outboxrelay.broker.kafka;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Set;

import io.outboxrelay.api.Broker;
import io.outboxrelay.api.BrokerFactory;
import io.outboxrelay.api.Finding;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.common.KafkaException;

/** Kafka, by the settings of {@code broker.kafka}. */
final class KafkaBrokerFactory implements BrokerFactory {

    private final KafkaSettings settings;

    KafkaBrokerFactory(KafkaSettings settings) {
        this.settings = settings;
    }

    @Override
    public List<Finding> check(Set<String> destinations) throws IOException, InterruptedException {
        Admin admin;
        try {
            admin = Admin.create(settings.clients().admin());
        } catch (KafkaException e) {
            return List.of(Preflight.unusable(settings, e));
        }
        try {
            return new Preflight(settings, admin).findings(destinations);
        } finally {
            admin.close(Duration.ZERO);
        }
    }

    @Override
    public Set<Path> files() {
        return ClientFiles.of(settings.clients().producer());
    }

    @Override
    public Broker open() {
        Admin admin = null;
        try {
            admin = Admin.create(settings.clients().admin());
            return new KafkaBroker(
                    new KafkaProducer<>(settings.clients().producer()),
                    admin,
                    new Topics(admin, settings.newTopics(), settings.answerTimeout()),
                    settings.clients().batchSize());
        } catch (KafkaException e) {
            if (admin != null) {
                admin.close(Duration.ZERO);
            }
            return new UnopenedBroker(Preflight.unreachable(settings, e));
        }
    }
}
