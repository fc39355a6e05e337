package io.outboxrelay.source.pgoutput;

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

    static OutboxSource open(OutboxFixture fixture) {
        return open(fixture, Map.of());
    }

    static OutboxSource open(OutboxFixture fixture, Map<String, Object> settings) {
        return factory(fixture, settings).open(fixture.outbox());
    }

    static OutboxSource open(OutboxFixture fixture, AfterDelivery after, Map<String, Object> settings) {
        return factory(fixture, settings).open(fixture.outbox(after));
    }

    static SourceFactory factory(OutboxFixture fixture, Map<String, Object> settings) {
        Settings root = Settings.of(ConfigFactory.parseMap(settings)
                .withFallback(ConfigFactory.parseMap(Map.of("slot", fixture.slot())))
                .atPath("source.pgoutput")
                .withFallback(ConfigFactory.defaultReference())
                .resolve());
        SourceFactory factory = new PgoutputSourceProvider()
                .configure(root.section("source").section("pgoutput"), AfterDelivery.of(AfterDelivery.Action.KEEP));
        Assertions.assertThat(root.problems()).isEmpty();
        return factory;
    }
}
