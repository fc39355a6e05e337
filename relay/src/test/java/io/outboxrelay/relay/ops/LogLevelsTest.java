package io.outboxrelay.relay.ops;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.slf4j.LoggerFactory;

import static org.assertj.core.api.Assertions.assertThat;

class LogLevelsTest {

    private final Logger root = logger(org.slf4j.Logger.ROOT_LOGGER_NAME);
    private final Level before = root.getLevel();

    @AfterEach
    void putBack() {
        root.setLevel(before);
        logger("io.outboxrelay").setLevel(Level.INFO);
        System.clearProperty("outboxrelay.exceptions");
        System.clearProperty("outboxrelay.echoes");
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

    private static Logger logger(String name) {
        return (Logger) LoggerFactory.getLogger(name);
    }
}
