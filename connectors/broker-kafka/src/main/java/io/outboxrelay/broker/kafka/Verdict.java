package io.outboxrelay.broker.kafka;

import java.io.IOException;
import java.util.Optional;

import io.outboxrelay.api.RejectedException;
import org.apache.kafka.common.InvalidRecordException;
import org.apache.kafka.common.errors.InvalidTimestampException;
import org.apache.kafka.common.errors.InvalidTopicException;
import org.apache.kafka.common.errors.RecordBatchTooLargeException;
import org.apache.kafka.common.errors.RecordTooLargeException;
import org.apache.kafka.common.errors.TopicAuthorizationException;

/**
 * What a failure that the client reports means for the message.
 *
 * <table>
 *   <caption>Rejected: Kafka will never take the message as things stand</caption>
 *   <tr><td>{@link RecordTooLargeException}</td><td>larger than the topic takes, alone in its batch (the client splits
 *       larger ones), or than the client's own limits</td></tr>
 *   <tr><td>{@link RecordBatchTooLargeException}</td><td>larger than a segment of the topic; of a message that shared its
 *       batch it says nothing</td></tr>
 *   <tr><td>{@link InvalidTimestampException}</td><td>out of the topic's bounds</td></tr>
 *   <tr><td>{@link InvalidRecordException}</td><td>without a key for a compacted topic, or refused by the cluster's own
 *       validation; Kafka names each message of a batch that is at fault</td></tr>
 *   <tr><td>{@link InvalidTopicException}</td><td>no name of a topic that clients can write to</td></tr>
 *   <tr><td>{@link TopicAuthorizationException}</td><td>no right to write to this topic</td></tr>
 * </table>
 *
 * <p>Everything else is <em>not yet</em>: it speaks of the cluster, the connection or the client, not of the message. Most
 * of that the client retries by itself and never reports.
 */
final class Verdict {

    private Verdict() {}

    /**
     * Either {@link RejectedException}, or what stands for not yet.
     *
     * @param sharesBatch whether the message may have shared its batch with others
     */
    static Exception on(String topic, boolean sharesBatch, Throwable failure) {
        return refusal(sharesBatch, failure)
                .<Exception>map(refusal -> new RejectedException(
                        refusal.kind(),
                        "Kafka refuses the message for topic " + topic + ": " + failure.getMessage() + "; "
                                + refusal.text(),
                        failure))
                .orElseGet(() -> new IOException(
                        "Kafka did not store a message for topic " + topic + ": " + failure.getMessage(), failure));
    }

    private static Optional<Refusal> refusal(boolean sharesBatch, Throwable failure) {
        if (failure instanceof RecordTooLargeException) {
            return Optional.of(new Refusal(
                    RejectedException.Kind.TOO_LARGE,
                    "raise the topic's max.message.bytes, or broker.kafka.buffer-memory if that is what it names"));
        }
        if (failure instanceof RecordBatchTooLargeException && !sharesBatch) {
            return Optional.of(new Refusal(RejectedException.Kind.TOO_LARGE, "raise the topic's segment.bytes"));
        }
        if (failure instanceof InvalidTimestampException) {
            return Optional.of(new Refusal(
                    RejectedException.Kind.UNFIT_ROW,
                    "raise the topic's message.timestamp.before.max.ms or message.timestamp.after.max.ms"));
        }
        if (failure instanceof InvalidRecordException) {
            return Optional.of(new Refusal(RejectedException.Kind.REFUSED, "mend the event, or the topic's settings"));
        }
        if (failure instanceof InvalidTopicException) {
            return Optional.of(new Refusal(
                    RejectedException.Kind.NO_DESTINATION,
                    "mend delivery.topic, or the column that it takes the topic from"));
        }
        if (failure instanceof TopicAuthorizationException) {
            return Optional.of(new Refusal(RejectedException.Kind.NOT_ALLOWED, "allow Write on the topic"));
        }
        return Optional.empty();
    }
}
