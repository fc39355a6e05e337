package io.outboxrelay.source.debezium;

import java.util.Map;
import java.util.Optional;
import java.util.Properties;

import com.typesafe.config.ConfigFactory;
import io.outboxrelay.api.AfterDelivery;
import io.outboxrelay.api.DatabaseAddress;
import io.outboxrelay.api.OutboxDatabase;
import io.outboxrelay.api.config.Settings;
import io.outboxrelay.schema.OutboxTable;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;

class EnginePropertiesTest {

    @Test
    void theServerGivesUpAStreamThatIsSilentForAsLongAsTheLease() {
        assertThat(of(Map.of())).containsEntry("database.options", "-c wal_sender_timeout=10000");
    }

    @Test
    void optionsOfTheUsersOwnComeLaterAndWin() {
        assertThat(of(Map.of("options", "-c wal_sender_timeout=5s -c work_mem=1MB")))
                .containsEntry(
                        "database.options", "-c wal_sender_timeout=10000 -c wal_sender_timeout=5s -c work_mem=1MB");
    }

    @Test
    void howTheConnectionIsEncryptedReachesTheEngine() {
        assertThat(of(Map.of("sslmode", "verify-full", "sslcert", "/tls/tls.crt")))
                .containsEntry("database.sslmode", "verify-full")
                .containsEntry("database.sslcert", "/tls/tls.crt");
    }

    private static Properties of(Map<String, String> driver) {
        OutboxDatabase database = new OutboxDatabase(
                new DatabaseAddress("localhost", 5432, "shop", "relay", "", driver),
                OutboxTable.DEFAULT,
                AfterDelivery.DELETE,
                null);
        DebeziumSettings settings = DebeziumSettings.of(
                Settings.of(ConfigFactory.defaultReference()).section("source").section("debezium"),
                AfterDelivery.DELETE);
        return EngineProperties.of(database, settings, Optional.empty(), "engine");
    }
}
