package io.outboxrelay.source.polling;

import java.util.Map;

import com.typesafe.config.ConfigFactory;
import io.outboxrelay.api.AfterDelivery;
import io.outboxrelay.api.OutboxSource;
import io.outboxrelay.api.SourceFactory;
import io.outboxrelay.api.config.Settings;
import io.outboxrelay.testkit.OutboxFixture;
import org.assertj.core.api.Assertions;

/** Opens sources as the relay does, with some settings changed. */
final class Sources {

    private Sources() {}

    static OutboxSource open(OutboxFixture fixture, Map<String, Object> settings) {
        return factory(settings).open(fixture.outbox());
    }

    static SourceFactory factory(Map<String, Object> settings) {
        Settings root = Settings.of(ConfigFactory.parseMap(settings)
                .atPath("source.polling")
                .withFallback(ConfigFactory.defaultReference())
                .resolve());
        SourceFactory factory =
                new PollingSourceProvider().configure(root.section("source").section("polling"), AfterDelivery.DELETE);
        Assertions.assertThat(root.problems()).isEmpty();
        return factory;
    }
}
