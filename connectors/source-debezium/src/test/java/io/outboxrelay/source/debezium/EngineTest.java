package io.outboxrelay.source.debezium;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.UnsynchronizedAppenderBase;
import io.debezium.embedded.async.AsyncEmbeddedEngine;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.connect.connector.Task;
import org.apache.kafka.connect.source.SourceConnector;
import org.apache.kafka.connect.source.SourceRecord;
import org.apache.kafka.connect.source.SourceTask;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Isolated;
import org.slf4j.LoggerFactory;

import static org.assertj.core.api.Assertions.assertThat;

@Isolated("listens to the log of all engines")
class EngineTest {

    private static final Duration PATIENCE = Duration.ofSeconds(30);

    /** Does nothing, until it is stopped; and that takes until somebody loses patience. */
    public static final class SlowToStop extends SourceTask {

        @Override
        public String version() {
            return "1";
        }

        @Override
        public void start(Map<String, String> properties) {
            // It has nothing to begin with.
        }

        @Override
        public List<SourceRecord> poll() {
            return List.of();
        }

        @Override
        public void stop() {
            try {
                new CountDownLatch(1).await();
            } catch (InterruptedException patienceIsOver) {
                Thread.currentThread().interrupt();
            }
        }
    }

    /** Has one such task. */
    public static final class Connector extends SourceConnector {

        @Override
        public String version() {
            return "1";
        }

        @Override
        public void start(Map<String, String> properties) {
            // It has nothing to begin with.
        }

        @Override
        public Class<? extends Task> taskClass() {
            return SlowToStop.class;
        }

        @Override
        public List<Map<String, String>> taskConfigs(int maxTasks) {
            return List.of(Map.of());
        }

        @Override
        public void stop() {
            // It has nothing to end.
        }

        @Override
        public ConfigDef config() {
            return new ConfigDef();
        }
    }

    /**
     * Debezium takes the polling task back before it has begun, and then waits for it for ever. Its log tells the moments:
     * the close comes after the state has changed, and before the task is given to the pool.
     */
    @Test
    void anEngineEndsThatIsClosedWhileItBeginsToPoll() throws Exception {
        CountDownLatch stopping = new CountDownLatch(1);
        CompletableFuture<Boolean> ended = new CompletableFuture<>();
        Properties properties = new Properties();
        properties.setProperty("name", "engine-test");
        properties.setProperty("connector.class", Connector.class.getName());
        properties.setProperty("offset.storage", "org.apache.kafka.connect.storage.MemoryOffsetBackingStore");
        properties.setProperty("internal.task.management.timeout.ms", "500");
        Engine engine = new Engine(properties, (records, committer) -> {});

        try (LogMoments moments = new LogMoments()) {
            moments.on("Stopping Connect task", stopping::countDown);
            moments.on("Calling connector callback before starting polling", () -> {
                new Thread(() -> ended.complete(closed(engine))).start();
                stopping.await();
            });
            engine.start();

            assertThat(ended.get()).isTrue();
        }
    }

    private static boolean closed(Engine engine) {
        try {
            return engine.close(PATIENCE);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    private interface Moment {
        void act() throws InterruptedException;
    }

    /** Does something at the moments at which the engine writes to its log, on the thread that writes. */
    private static final class LogMoments extends UnsynchronizedAppenderBase<ILoggingEvent> implements AutoCloseable {

        private final Logger engineLog = (Logger) LoggerFactory.getLogger(AsyncEmbeddedEngine.class);
        private final Map<String, Moment> moments = new ConcurrentHashMap<>();
        private final Level level = engineLog.getLevel();

        LogMoments() {
            engineLog.setLevel(Level.DEBUG);
            engineLog.addAppender(this);
            start();
        }

        void on(String beginning, Moment moment) {
            moments.put(beginning, moment);
        }

        @Override
        protected void append(ILoggingEvent event) {
            moments.forEach((beginning, moment) -> {
                if (event.getFormattedMessage().startsWith(beginning)) {
                    try {
                        moment.act();
                    } catch (InterruptedException e) {
                        Thread.currentThread().interrupt();
                    }
                }
            });
        }

        @Override
        public void close() {
            engineLog.detachAppender(this);
            engineLog.setLevel(level);
            stop();
        }
    }
}
