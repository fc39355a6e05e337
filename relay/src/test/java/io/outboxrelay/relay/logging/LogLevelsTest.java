package io.outboxrelay.relay.logging;

import java.util.Map;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.LoggerContext;
import io.outboxrelay.relay.config.LogLevel;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.slf4j.LoggerFactory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

class LogLevelsTest {

    private final LoggerContext context = new LoggerContext();
    private final LogLevels levels = new LogLevels(context);

    private final Logger root = logger(org.slf4j.Logger.ROOT_LOGGER_NAME);
    private final Level before = root.getLevel();

    @AfterEach
    void putBack() {
        root.setLevel(before);
        logger("io.outboxrelay").setLevel(Level.INFO);
        System.clearProperty("outboxrelay.exceptions");
        System.clearProperty("outboxrelay.echoes");
        root.getLoggerContext().putProperty("outboxrelay.verbose", null);
    }

    @Test
    void librariesThatSeePayloadsStayAtInfoWhateverIsAskedFor() {
        root.setLevel(Level.TRACE);
        logger("io.debezium.connector.postgresql").setLevel(Level.DEBUG);
        logger("org.apache.kafka.clients.producer.KafkaProducer").setLevel(Level.TRACE);

        LogLevels.apply(true);

        assertThat(logger("io.debezium.connector.postgresql.PostgresStreamingChangeEventSource")
                        .isDebugEnabled())
                .isFalse();
        assertThat(logger("org.apache.kafka.clients.producer.KafkaProducer").isDebugEnabled())
                .isFalse();
        assertThat(logger("com.zaxxer.hikari.HikariConfig").isDebugEnabled()).isFalse();
        assertThat(java.util.logging.Logger.getLogger("org.postgresql.core.v3.QueryExecutorImpl")
                        .isLoggable(java.util.logging.Level.FINE))
                .isFalse();
        assertThat(logger("io.outboxrelay.relay.Relay").isDebugEnabled()).isTrue();
    }

    @Test
    void theConfigurationSetsTheRelaysLevelAndThoseOfSingleLoggers() {
        levels.configure(LogLevel.WARN, Map.of("io.outboxrelay.relay.delivery", LogLevel.DEBUG));

        assertThat(levels.levels())
                .containsEntry("io.outboxrelay", "warn")
                .containsEntry("io.outboxrelay.relay.delivery", "debug");
    }

    @Test
    void aLevelIsChangedAndTakenAwayWhileTheRelayRuns() {
        levels.configure(LogLevel.INFO, Map.of());

        levels.set("io.outboxrelay.relay.Relay", "Debug");
        assertThat(context.getLogger("io.outboxrelay.relay.Relay").isDebugEnabled())
                .isTrue();

        levels.set("io.outboxrelay.relay.Relay", "inherit");
        assertThat(context.getLogger("io.outboxrelay.relay.Relay").isDebugEnabled())
                .isFalse();
        assertThat(levels.levels()).doesNotContainKey("io.outboxrelay.relay.Relay");
    }

    @Test
    void anUnknownLoggerOrLevelIsRefusedInOneLine() {
        assertThatThrownBy(() -> levels.set("io.outboxrelay.rellay", "debug"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageStartingWith("OR-1011 there is no logger \"io.outboxrelay.rellay\"");
        assertThatThrownBy(() -> levels.set("ROOT", "loud"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage(
                        "OR-1011 there is no level \"loud\"; allowed: off, error, warn, info, debug, trace, inherit");
        assertThatThrownBy(() -> levels.set("ROOT", "inherit")).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void whatWouldLogPayloadsIsRefusedAndStaysQuietWhenRootIsLoud() {
        assertThatThrownBy(() -> levels.set("org.apache.kafka.clients.producer.KafkaProducer", "debug"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("logs the content of events");

        levels.set("ROOT", "trace");

        assertThat(context.getLogger("org.apache.kafka.clients.producer.KafkaProducer")
                        .isDebugEnabled())
                .isFalse();
    }

    private static Logger logger(String name) {
        return (Logger) LoggerFactory.getLogger(name);
    }
}
