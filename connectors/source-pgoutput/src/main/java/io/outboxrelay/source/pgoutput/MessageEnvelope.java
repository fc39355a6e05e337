package io.outboxrelay.source.pgoutput;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.Arrays;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import io.outboxrelay.api.OutboxEvent;
import io.outboxrelay.api.Position;

/**
 * An event that was sent as a logical message: a JSON object with the fields {@code id}, {@code aggregate-type},
 * {@code aggregate-id}, {@code type}, {@code payload} and {@code headers}; others are of no interest.
 *
 * <p>A payload that is a JSON string is that text; any other is its JSON, byte for byte as it was written.
 */
final class MessageEnvelope {

    private static final JsonFactory JSON = new JsonFactory();

    private String id;
    private String aggregateType;
    private String aggregateId;
    private String type;
    private byte[] payload;
    private byte[] headers;

    private MessageEnvelope() {}

    /** Never fails: of what is no envelope there is an event without anything, which delivery rejects by its position. */
    static OutboxEvent event(byte[] bytes, int from, int length, Instant committedAt, Position position) {
        MessageEnvelope envelope = new MessageEnvelope();
        try (JsonParser parser = JSON.createParser(bytes, from, length)) {
            if (!envelope.read(parser, bytes, from)) {
                envelope = new MessageEnvelope();
            }
        } catch (IOException e) {
            // Not logged: its message quotes the content.
            envelope = new MessageEnvelope();
        }
        return new OutboxEvent(
                envelope.id,
                envelope.aggregateType,
                envelope.aggregateId,
                envelope.type,
                envelope.payload,
                envelope.headers == null ? null : new String(envelope.headers, StandardCharsets.UTF_8),
                committedAt,
                position);
    }

    /** False if it is something else than one object. */
    private boolean read(JsonParser parser, byte[] bytes, int from) throws IOException {
        if (parser.nextToken() != JsonToken.START_OBJECT) {
            return false;
        }
        while (parser.nextToken() == JsonToken.FIELD_NAME) {
            String field = parser.currentName();
            JsonToken value = parser.nextToken();
            switch (field) {
                case "id" -> id = scalar(parser, value);
                case "aggregate-type" -> aggregateType = scalar(parser, value);
                case "aggregate-id" -> aggregateId = scalar(parser, value);
                case "type" -> type = scalar(parser, value);
                case "payload" -> payload = value(parser, value, bytes, from);
                case "headers" -> headers = value(parser, value, bytes, from);
                default -> parser.skipChildren();
            }
        }
        return parser.nextToken() == null;
    }

    /** A text, or a number as it was written; null for anything else. */
    private static String scalar(JsonParser parser, JsonToken value) throws IOException {
        if (value == JsonToken.VALUE_STRING || value.isNumeric()) {
            return parser.getText();
        }
        parser.skipChildren();
        return null;
    }

    /** The text of a JSON string; any other value as it was written. */
    private static byte[] value(JsonParser parser, JsonToken value, byte[] bytes, int from) throws IOException {
        if (value == JsonToken.VALUE_NULL) {
            return null;
        }
        if (value.isScalarValue()) {
            return parser.getText().getBytes(StandardCharsets.UTF_8);
        }
        int first = from + (int) parser.currentTokenLocation().getByteOffset();
        parser.skipChildren();
        return Arrays.copyOfRange(
                bytes, first, from + (int) parser.currentLocation().getByteOffset());
    }
}
