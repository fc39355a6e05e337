package io.outboxrelay.broker.kafka;

import java.time.Duration;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;

import io.outboxrelay.api.config.Settings;
import org.apache.kafka.clients.producer.ProducerConfig;

/**
 * The section {@code broker.kafka}.
 *
 * @param servers where to find the cluster
 * @param clients what Kafka's clients are told
 * @param newTopics whether and how missing topics are created
 * @param answerTimeout how long Kafka may take to answer what must be known before a send
 */
record KafkaSettings(String servers, ClientSettings clients, NewTopics newTopics, Duration answerTimeout) {

    /** Below what a cluster takes at most in one request, {@code socket.request.max.bytes}, 100 MiB unless changed. */
    private static final long REQUEST_LIMIT = 64 << 20;

    static KafkaSettings read(Settings settings) {
        String servers = settings.text("bootstrap-servers");
        Duration answerTimeout = settings.duration("answer-timeout", Duration.ofMillis(100), Duration.ofMinutes(5));
        return new KafkaSettings(
                servers,
                ClientSettings.read(settings, servers, tuning(settings, answerTimeout), answerTimeout),
                NewTopics.read(settings.section("topics")),
                answerTimeout);
    }

    private static Map<String, Object> tuning(Settings settings, Duration answerTimeout) {
        Duration linger = settings.duration("linger", Duration.ZERO, Duration.ofMinutes(1));
        long memory = settings.bytes("buffer-memory", 1 << 20, 1 << 30);
        Map<String, Object> tuning = new HashMap<>();
        tuning.put(ProducerConfig.LINGER_MS_CONFIG, linger.toMillis());
        tuning.put(ProducerConfig.BATCH_SIZE_CONFIG, (int) settings.bytes("batch-size", 1 << 10, 64 << 20));
        tuning.put(ProducerConfig.COMPRESSION_TYPE_CONFIG, compression(settings));
        tuning.put(ProducerConfig.BUFFER_MEMORY_CONFIG, memory);
        tuning.put(ProducerConfig.MAX_REQUEST_SIZE_CONFIG, (int) Math.min(memory, REQUEST_LIMIT));
        tuning.put(ProducerConfig.MAX_BLOCK_MS_CONFIG, answerTimeout.toMillis());
        return tuning;
    }

    private static String compression(Settings settings) {
        return settings.choice("compression", Compression.class).name().toLowerCase(Locale.ROOT);
    }

    private enum Compression {
        NONE,
        GZIP,
        SNAPPY,
        LZ4,
        ZSTD
    }
}
