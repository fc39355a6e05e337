package io.outboxrelay.broker.kafka;

import java.util.Optional;

import io.outboxrelay.api.RejectedException.Kind;
import org.apache.kafka.clients.producer.ProducerRecord;

/**
 * What is known of a topic before anything is sent to it.
 *
 * @param refusal why it takes no message at all, with the remedy; empty if it takes some
 * @param copies how many replicas its partitions have, the fewest of all; 0 if unknown
 * @param limits what it takes; empty if its settings may not be read
 */
record TopicFacts(Optional<Refusal> refusal, int copies, Optional<Limits> limits) {

    /**
     * What a topic takes, by its settings.
     *
     * @param maxBatchBytes the largest batch, so also the largest message; the lesser of {@code max.message.bytes} and
     *     {@code segment.bytes}
     * @param maxBatchSetting which of the two that is
     * @param keepsTimestamp whether it keeps the message's timestamp, which then must be within bounds
     * @param maxAgeMillis how far in the past the timestamp may be
     * @param maxAheadMillis how far in the future
     * @param needsKey whether it is compacted, so that every message needs a key
     * @param minInSync {@code min.insync.replicas}
     */
    record Limits(
            long maxBatchBytes,
            String maxBatchSetting,
            boolean keepsTimestamp,
            long maxAgeMillis,
            long maxAheadMillis,
            boolean needsKey,
            int minInSync) {}

    static TopicFacts refused(Refusal why) {
        return new TopicFacts(Optional.of(why), 0, Optional.empty());
    }

    /** Why the topic will not take this message, with the remedy; empty if it takes it, for all that is known. */
    Optional<Refusal> refusal(ProducerRecord<byte[], byte[]> message, int size, long nowMillis) {
        if (refusal.isPresent() || limits.isEmpty()) {
            return refusal;
        }
        Limits limit = limits.get();
        String topic = message.topic();
        if (size > limit.maxBatchBytes()) {
            return refusal(
                    Kind.TOO_LARGE,
                    "the message has " + size + " bytes uncompressed, and topic " + topic + " takes "
                            + limit.maxBatchBytes() + "; raise the topic's " + limit.maxBatchSetting());
        }
        if (limit.needsKey() && message.key() == null) {
            return refusal(
                    Kind.UNFIT_ROW,
                    "topic " + topic
                            + " is compacted and takes no message without a key; give the event an aggregate id");
        }
        if (limit.keepsTimestamp() && message.timestamp() != null) {
            long age = nowMillis - message.timestamp();
            if (age > limit.maxAgeMillis()) {
                return refusal(Kind.UNFIT_ROW, outOfBounds(message, "older", limit.maxAgeMillis(), "before"));
            }
            if (-age > limit.maxAheadMillis()) {
                return refusal(Kind.UNFIT_ROW, outOfBounds(message, "further ahead", limit.maxAheadMillis(), "after"));
            }
        }
        return Optional.empty();
    }

    private static Optional<Refusal> refusal(Kind kind, String text) {
        return Optional.of(new Refusal(kind, text));
    }

    private static String outOfBounds(ProducerRecord<byte[], byte[]> message, String how, long bound, String which) {
        return "the message's timestamp is " + how + " than the " + bound + " ms that topic " + message.topic()
                + " takes; raise the topic's message.timestamp." + which + ".max.ms";
    }
}
