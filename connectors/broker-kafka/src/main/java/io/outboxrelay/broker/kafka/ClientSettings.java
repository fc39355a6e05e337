package io.outboxrelay.broker.kafka;

import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

import io.outboxrelay.api.Code;
import io.outboxrelay.api.config.Settings;
import org.apache.kafka.clients.CommonClientConfigs;
import org.apache.kafka.clients.admin.AdminClientConfig;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.common.config.ConfigException;
import org.apache.kafka.common.config.ConfigValue;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * What Kafka's clients are told: the settings that the relay's promise stands on, over the operator's, over the section's
 * own. They can hold passwords and are never logged.
 *
 * @param producer the whole configuration of the producer
 * @param admin the whole configuration of the administration client
 * @param batchSize the size of a producer's full batch, in bytes
 * @param requestsInFlight how many requests the producer has under way on one connection
 */
record ClientSettings(Map<String, Object> producer, Map<String, Object> admin, int batchSize, int requestsInFlight) {

    private static final String CLIENT = "client";
    private static final String PRODUCER = "producer";

    private static final Set<String> OF_PRODUCER = ProducerConfig.configNames();
    private static final Set<String> OF_ADMIN = AdminClientConfig.configNames();

    /** Names that Kafka hands to a class of one's own, whatever follows. */
    private static final List<String> OPEN_PREFIXES =
            List.of(CommonClientConfigs.METRICS_CONTEXT_PREFIX, "config.providers.");

    /** Settings that bring in a class of one's own, which may read names that Kafka does not know. */
    private static final Set<String> OWN_CLASSES = Set.of(
            "metric.reporters",
            "security.providers",
            "ssl.engine.factory.class",
            "sasl.client.callback.handler.class",
            "sasl.login.callback.handler.class",
            "sasl.login.class");

    ClientSettings {
        producer = Map.copyOf(producer);
        admin = Map.copyOf(admin);
    }

    static ClientSettings read(Settings settings, String servers, Map<String, Object> tuning, Duration answerTimeout) {
        Map<String, String> client = settings.texts(CLIENT);
        Map<String, String> own = settings.texts(PRODUCER);
        client.forEach((name, value) -> refuse(settings, CLIENT, name, value));
        own.forEach((name, value) -> refuse(settings, PRODUCER, name, value));
        refuseUnknown(settings, client, own);

        Map<String, Object> common = new HashMap<>();
        common.put(CommonClientConfigs.CLIENT_ID_CONFIG, "outbox-relay");
        common.put(CommonClientConfigs.ENABLE_METRICS_PUSH_CONFIG, false);
        common.putAll(client);
        common.put(CommonClientConfigs.BOOTSTRAP_SERVERS_CONFIG, servers);

        Map<String, Object> producer = new HashMap<>(tuning);
        producer.put(ProducerConfig.MAX_IN_FLIGHT_REQUESTS_PER_CONNECTION, Promise.REQUESTS_IN_FLIGHT);
        // Otherwise the client forgets the topics as soon as no broker of the cluster can be reached, and publishing
        // blocks and fails, although what is published could wait.
        producer.put(CommonClientConfigs.METADATA_RECOVERY_STRATEGY_CONFIG, "none");
        producer.putAll(common);
        producer.putAll(own);
        producer.putAll(Promise.KEPT);
        producer.put(ProducerConfig.KEY_SERIALIZER_CLASS_CONFIG, ByteArraySerializer.class);
        producer.put(ProducerConfig.VALUE_SERIALIZER_CLASS_CONFIG, ByteArraySerializer.class);

        Map<String, Object> admin = new HashMap<>(common);
        admin.put(AdminClientConfig.DEFAULT_API_TIMEOUT_MS_CONFIG, (int) answerTimeout.toMillis());
        admin.put(AdminClientConfig.REQUEST_TIMEOUT_MS_CONFIG, (int) answerTimeout.toMillis());
        return checked(settings, producer, admin, client.keySet(), own.keySet());
    }

    private static void refuse(Settings settings, String section, String name, String value) {
        String key = section + "." + name;
        String reason = Promise.REFUSED.get(name);
        if (reason != null) {
            settings.problem(key, "cannot be set: " + reason);
        } else if (name.equals(ProducerConfig.MAX_IN_FLIGHT_REQUESTS_PER_CONNECTION)
                && !Promise.allowsInFlight(value)) {
            settings.problem(key, "is \"" + value + "\"; allowed: 1 to 5, since Kafka keeps no order beyond");
        } else if (name.equals(CommonClientConfigs.BOOTSTRAP_SERVERS_CONFIG)) {
            settings.problem(key, "is set by " + settings.at("bootstrap-servers"));
        } else if (name.equals(AdminClientConfig.DEFAULT_API_TIMEOUT_MS_CONFIG)) {
            settings.problem(key, "is set by " + settings.at("answer-timeout"));
        } else if (section.equals(PRODUCER)
                && (name.startsWith("security.") || name.startsWith("sasl.") || name.startsWith("ssl."))) {
            settings.problem(key, "belongs to " + settings.at(CLIENT) + ": topics are asked for with it, too");
        } else if (section.equals(CLIENT) && OF_PRODUCER.contains(name) && !OF_ADMIN.contains(name)) {
            settings.problem(key, "belongs to " + settings.at(PRODUCER));
        }
    }

    private static void refuseUnknown(Settings settings, Map<String, String> client, Map<String, String> own) {
        Set<String> given = new HashSet<>(client.keySet());
        given.addAll(own.keySet());
        if (given.stream().anyMatch(OWN_CLASSES::contains)) {
            return;
        }
        Set<String> known = new HashSet<>(OF_PRODUCER);
        known.addAll(OF_ADMIN);
        client.keySet().forEach(name -> refuseUnknown(settings, CLIENT, name, known));
        own.keySet().forEach(name -> refuseUnknown(settings, PRODUCER, name, known));
    }

    private static void refuseUnknown(Settings settings, String section, String name, Set<String> known) {
        if (!known.contains(name) && OPEN_PREFIXES.stream().noneMatch(name::startsWith)) {
            settings.problem(
                    Code.CONFIG_UNKNOWN_SETTING,
                    section + "." + name,
                    "is not a setting of Kafka's client; the nearest is " + Names.nearest(name, known));
        }
    }

    /** Lets Kafka's clients look at the values, which they do without connecting. */
    private static ClientSettings checked(
            Settings settings,
            Map<String, Object> producer,
            Map<String, Object> admin,
            Set<String> client,
            Set<String> own) {
        try {
            ProducerConfig config = new ProducerConfig(producer);
            // What of it concerns administration has been looked at by now.
            return new ClientSettings(
                    producer,
                    admin,
                    config.getInt(ProducerConfig.BATCH_SIZE_CONFIG),
                    config.getInt(ProducerConfig.MAX_IN_FLIGHT_REQUESTS_PER_CONNECTION));
        } catch (ConfigException e) {
            report(settings, producer, client, own, e);
            return new ClientSettings(producer, admin, 0, Promise.REQUESTS_IN_FLIGHT);
        }
    }

    private static void report(
            Settings settings, Map<String, Object> producer, Set<String> client, Set<String> own, ConfigException e) {
        Map<String, String> texts = new HashMap<>();
        producer.forEach((name, value) ->
                texts.put(name, value instanceof Class<?> type ? type.getName() : "" + value));
        ConfigDef definition = ProducerConfig.configDef();
        boolean found = false;
        for (ConfigValue value : definition.validate(texts)) {
            boolean isOwn = own.contains(value.name());
            if (!value.errorMessages().isEmpty() && (isOwn || client.contains(value.name()))) {
                settings.problem(
                        (isOwn ? PRODUCER : CLIENT) + "." + value.name(), String.join("; ", value.errorMessages()));
                found = true;
            }
        }
        if (!found) {
            settings.problem(own.isEmpty() ? CLIENT : PRODUCER, e.getMessage());
        }
    }
}
