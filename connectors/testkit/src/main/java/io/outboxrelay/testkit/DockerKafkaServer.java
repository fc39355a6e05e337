package io.outboxrelay.testkit;

import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

import org.testcontainers.containers.wait.strategy.Wait;
import org.testcontainers.kafka.KafkaContainer;

/** Kafka from the official image of the version that the build uses. */
final class DockerKafkaServer implements KafkaServer {

    private static final Duration START_LIMIT = Duration.ofSeconds(60);

    private final int port = FreePorts.next();
    private final KafkaContainer container;
    private final ContainerLife life;
    private int starts = 1;

    DockerKafkaServer(Map<String, String> properties) {
        Map<String, String> all = new HashMap<>(KafkaProperties.DEFAULTS);
        all.putAll(properties);
        container = new ConfiguredContainer("apache/kafka:" + System.getProperty("kafka.version"), all);
        container.setPortBindings(List.of(port + ":9092"));
        container.start();
        life = new ContainerLife(container);
    }

    @Override
    public String bootstrapServers() {
        return container.getHost() + ":" + port;
    }

    @Override
    public void stop() {
        life.stop("java");
    }

    @Override
    public void restart() {
        stop();
        life.start();
        starts++;
        // Its log holds the earlier starts too. A client would not do: it may have to log in.
        Wait.forLogMessage(".*Transitioning from RECOVERY to RUNNING.*", starts)
                .withStartupTimeout(START_LIMIT)
                .waitUntilReady(container);
    }

    @Override
    public void close() {
        container.stop();
    }

    /** Testcontainers sets its own environment last, over what {@code withEnv} was told. */
    private static final class ConfiguredContainer extends KafkaContainer {

        private final Map<String, String> properties;

        ConfiguredContainer(String image, Map<String, String> properties) {
            super(image);
            this.properties = properties;
        }

        @Override
        protected void configure() {
            super.configure();
            properties.forEach((name, value) -> withEnv(variable(name), value));
        }

        /** As the image translates back: see its {@code /etc/kafka/docker/configure}. */
        private static String variable(String name) {
            return "KAFKA_"
                    + name.replace("_", "__")
                            .replace("-", "___")
                            .replace(".", "_")
                            .toUpperCase(Locale.ROOT);
        }
    }
}
