package io.outboxrelay.broker.kafka;

import java.util.Map;
import java.util.Optional;

import io.outboxrelay.api.config.Settings;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.common.config.TopicConfig;

/**
 * The section {@code broker.kafka.topics}: what becomes of a topic that does not exist.
 *
 * @param create whether the relay creates it
 * @param partitions its partitions; empty for the cluster's default
 * @param replicationFactor its copies; empty for the cluster's default
 * @param config its settings
 */
record NewTopics(
        boolean create, Optional<Integer> partitions, Optional<Short> replicationFactor, Map<String, String> config) {

    NewTopics {
        config = Map.copyOf(config);
    }

    static NewTopics read(Settings settings) {
        Map<String, String> config = settings.texts("config");
        String minInSync = config.getOrDefault(TopicConfig.MIN_IN_SYNC_REPLICAS_CONFIG, "1");
        if (!minInSync.matches("[1-9][0-9]?")) {
            settings.problem(
                    "config." + TopicConfig.MIN_IN_SYNC_REPLICAS_CONFIG,
                    "is \"" + minInSync + "\"; allowed: a whole number from 1 to 99");
        }
        int partitions = orDefault(settings, "partitions", 100_000);
        int replicationFactor = orDefault(settings, "replication-factor", 32);
        return new NewTopics(
                settings.flag("create"),
                Optional.of(partitions).filter(number -> number > 0),
                Optional.of((short) replicationFactor).filter(number -> number > 0),
                config);
    }

    /** The copies that must have a message before it counts as stored; empty for the cluster's default. */
    Optional<Integer> minInSync() {
        return Optional.ofNullable(config.get(TopicConfig.MIN_IN_SYNC_REPLICAS_CONFIG))
                .map(Integer::valueOf);
    }

    NewTopic named(String topic) {
        return new NewTopic(topic, partitions, replicationFactor).configs(config);
    }

    private static int orDefault(Settings settings, String key, int max) {
        int number = settings.integer(key, -1, max);
        if (number == 0) {
            settings.problem(
                    key, "is \"0\"; allowed: a whole number from 1 to " + max + ", or -1 for the cluster's default");
            return -1;
        }
        return number;
    }
}
