package io.outboxrelay.broker.kafka;

import java.util.Map;

import org.apache.kafka.clients.producer.ProducerConfig;

/** The producer settings that the relay's promise stands on: every committed row stored, in order, by one who alone retries. */
final class Promise {

    /**
     * One request at a time for each broker of the cluster, so that nothing behind a message is under way before that
     * message is stored. With more, a message behind a refused one is stored where the partition's leader knows no
     * sequence of this producer: before its first batch is stored, and again whenever the leader has forgotten it, which
     * happens by the timestamps of the messages ({@code producer.id.expiration.ms}), so in the middle of a backlog that
     * is older than a day. Throughput is the same, since messages gather in batches meanwhile.
     */
    static final int REQUESTS_IN_FLIGHT = 1;

    static final Map<String, Object> KEPT = Map.of(
            ProducerConfig.ACKS_CONFIG,
            "all",
            ProducerConfig.ENABLE_IDEMPOTENCE_CONFIG,
            true,
            ProducerConfig.RETRIES_CONFIG,
            Integer.MAX_VALUE,
            ProducerConfig.DELIVERY_TIMEOUT_MS_CONFIG,
            Integer.MAX_VALUE,
            ProducerConfig.PARTITIONER_IGNORE_KEYS_CONFIG,
            false);

    private static final String STORED =
            "a row is settled only when every in-sync replica has the message, so acks is all";
    private static final String ALONE = "the client alone retries, and without end, because a message whose fate is "
            + "unknown must not be sent again behind later ones";
    private static final String BYTES = "key and payload are sent as the bytes that they are";
    private static final String TRANSACTIONS = "the relay does not publish in transactions";
    private static final String KEYS = "messages of one key must go to one partition, by Kafka's own hash of the key";

    /** Names that cannot be set, and why. */
    static final Map<String, String> REFUSED = Map.ofEntries(
            Map.entry(ProducerConfig.ACKS_CONFIG, STORED),
            Map.entry(
                    ProducerConfig.ENABLE_IDEMPOTENCE_CONFIG,
                    "without it a retry stores messages twice and out of order, so it is true"),
            Map.entry(ProducerConfig.RETRIES_CONFIG, ALONE),
            Map.entry(ProducerConfig.DELIVERY_TIMEOUT_MS_CONFIG, ALONE),
            Map.entry(ProducerConfig.KEY_SERIALIZER_CLASS_CONFIG, BYTES),
            Map.entry(ProducerConfig.VALUE_SERIALIZER_CLASS_CONFIG, BYTES),
            Map.entry(ProducerConfig.TRANSACTIONAL_ID_CONFIG, TRANSACTIONS),
            Map.entry(ProducerConfig.TRANSACTION_TIMEOUT_CONFIG, TRANSACTIONS),
            Map.entry(ProducerConfig.TRANSACTION_TWO_PHASE_COMMIT_ENABLE_CONFIG, TRANSACTIONS),
            Map.entry(
                    ProducerConfig.INTERCEPTOR_CLASSES_CONFIG,
                    "an interceptor can change, redirect or drop a message unseen"),
            Map.entry(ProducerConfig.PARTITIONER_CLASS_CONFIG, KEYS),
            Map.entry(ProducerConfig.PARTITIONER_IGNORE_KEYS_CONFIG, KEYS),
            Map.entry(ProducerConfig.PARTITIONER_ADAPTIVE_PARTITIONING_ENABLE_CONFIG, KEYS),
            Map.entry(ProducerConfig.PARTITIONER_AVAILABILITY_TIMEOUT_MS_CONFIG, KEYS));

    private Promise() {}

    static boolean allowsInFlight(String value) {
        return value.matches("[1-5]");
    }
}
