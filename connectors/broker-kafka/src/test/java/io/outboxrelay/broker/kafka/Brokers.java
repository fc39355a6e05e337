package io.outboxrelay.broker.kafka;

import java.util.List;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import io.outboxrelay.api.BrokerFactory;
import io.outboxrelay.api.config.Problem;
import io.outboxrelay.api.config.Settings;
import io.outboxrelay.testkit.KafkaServer;

/** Brokers by the settings that a test writes. */
final class Brokers {

    private Brokers() {}

    /** @param section what to set in {@code broker.kafka}, in HOCON */
    static BrokerFactory at(KafkaServer server, String section) {
        return at("bootstrap-servers = \"" + server.bootstrapServers() + "\"\n" + section);
    }

    static BrokerFactory at(String section) {
        Settings settings = settings(section);
        BrokerFactory factory = new KafkaBrokerProvider().configure(settings);
        if (!settings.problems().isEmpty()) {
            throw new IllegalArgumentException(settings.problems().toString());
        }
        return factory;
    }

    static List<Problem> problems(String section) {
        Settings settings = settings(section);
        new KafkaBrokerProvider().configure(settings);
        return settings.problems();
    }

    static KafkaSettings read(String section) {
        return KafkaSettings.read(settings(section));
    }

    private static Settings settings(String section) {
        Config config = ConfigFactory.parseString("broker.kafka {\n" + section + "\n}")
                .withFallback(ConfigFactory.defaultReference())
                .resolve();
        return Settings.of(config).section("broker").section("kafka");
    }
}
