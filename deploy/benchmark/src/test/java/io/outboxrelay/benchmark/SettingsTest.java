package io.outboxrelay.benchmark;

import java.nio.file.Path;
import java.util.List;
import java.util.Properties;

import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

final class SettingsTest {

    private final Properties properties = new Properties();

    SettingsTest() {
        properties.setProperty("benchmark.relay", "/relay");
        properties.setProperty("benchmark.directory", "/files");
        properties.setProperty("benchmark.events", "500000");
        properties.setProperty("benchmark.seconds", "30");
        properties.setProperty("benchmark.rounds", "3");
        properties.setProperty("benchmark.only", "drain, start");
        properties.setProperty("benchmark.subjects", "relay-debezium,pg_recvlogical");
        properties.setProperty("benchmark.debezium-server", "/server");
    }

    @Test
    void listsAreSeparatedByCommas() {
        Settings settings = Settings.of(properties);
        assertThat(settings.only()).isEqualTo(List.of("drain", "start"));
        assertThat(settings.subjects()).isEqualTo(List.of("relay-debezium", "pg_recvlogical"));
        assertThat(settings.events()).isEqualTo(500_000);
    }

    @Test
    void theProgramThatIsNamedGoesBeforeThatInThePath() {
        properties.setProperty("benchmark.pg_recvlogical", "/here/pg_recvlogical");
        assertThat(Settings.of(properties).recvlogical()).isEqualTo(Path.of("/here/pg_recvlogical"));
    }

    @Test
    void aNumberThatIsNoneIsRefusedWithItsName() {
        properties.setProperty("benchmark.events", "many");
        assertThatThrownBy(() -> Settings.of(properties))
                .hasMessage("benchmark.events = many: must be a whole number above 0");
    }
}
