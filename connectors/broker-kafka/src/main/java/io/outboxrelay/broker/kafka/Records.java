package io.outboxrelay.broker.kafka;

import java.nio.charset.StandardCharsets;
import java.util.Map;

import io.outboxrelay.api.Message;
import io.outboxrelay.api.RejectedException;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.utils.ByteUtils;
import org.apache.kafka.common.utils.Utils;

/** Messages as Kafka has them. */
final class Records {

    /** Header of a batch, message format 2. */
    private static final int BATCH_HEADER = 61;

    /** Attributes, and the distances in time and offset of the first message of a batch, which are 0. */
    private static final int RECORD_HEADER = 3;

    private Records() {}

    /** @throws RejectedException if Kafka's client cannot even express it */
    static ProducerRecord<byte[], byte[]> of(Message message) throws RejectedException {
        return new ProducerRecord<>(
                message.destination(),
                null,
                timestamp(message),
                message.key() == null ? null : message.key().getBytes(StandardCharsets.UTF_8),
                message.payload(),
                headers(message.headers()));
    }

    /** The bytes of a batch that holds this message alone, uncompressed: what Kafka measures against a topic's limit. */
    static int batchSize(ProducerRecord<byte[], byte[]> message) {
        long body = RECORD_HEADER + field(message.key()) + field(message.value());
        int count = 0;
        for (Header header : message.headers()) {
            int name = Utils.utf8Length(header.key());
            body += ByteUtils.sizeOfVarint(name) + name + field(header.value());
            count++;
        }
        body += ByteUtils.sizeOfVarint(count);
        return (int) Math.min(Integer.MAX_VALUE, BATCH_HEADER + ByteUtils.sizeOfVarlong(body) + body);
    }

    private static long field(byte[] bytes) {
        return bytes == null ? 1 : ByteUtils.sizeOfVarint(bytes.length) + (long) bytes.length;
    }

    private static Headers headers(Map<String, String> entries) {
        Headers headers = new RecordHeaders();
        entries.forEach(
                (name, value) -> headers.add(name, value == null ? null : value.getBytes(StandardCharsets.UTF_8)));
        return headers;
    }

    private static long timestamp(Message message) throws RejectedException {
        long millis;
        try {
            millis = message.timestamp().toEpochMilli();
        } catch (ArithmeticException e) {
            throw unfit(message);
        }
        if (millis < 0) {
            throw unfit(message);
        }
        return millis;
    }

    private static RejectedException unfit(Message message) {
        return new RejectedException(
                RejectedException.Kind.UNFIT_ROW,
                "Kafka has no timestamp for " + message.timestamp() + "; it counts milliseconds from 1970 on");
    }
}
