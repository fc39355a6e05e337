package io.outboxrelay.relay.claimcheck;

import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.Map;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.outboxrelay.api.Message;
import io.outboxrelay.api.OutboxEvent;

/**
 * What a message carries in place of its payload.
 *
 * @param id what the payload is fetched by. Made of the outbox, the event and the payload, so the same event always has
 *     the same, and no other has it
 * @param sha256 of the payload, in lower-case hexadecimal digits
 * @param size of the payload, in bytes
 */
record ClaimCheck(String id, String sha256, long size) {

    /** The header that holds the id: a message that has it carries a reference. */
    static final String HEADER = "claim-check";

    /** The header that holds {@link #sha256}. */
    static final String HEADER_SHA256 = "claim-check-sha256";

    /** The header that holds {@link #size}. */
    static final String HEADER_SIZE = "claim-check-size";

    /** What the JSON of a reference takes, in bytes, about: a payload that is no larger is better sent. */
    static final int LENGTH = 200;

    private static final ObjectMapper JSON = new ObjectMapper();

    /** The claim-check of an event that has a payload. */
    static ClaimCheck of(String outbox, OutboxEvent event) {
        MessageDigest sha256 = newSha256();
        byte[] digest = sha256.digest(event.payload());
        sha256.update(outbox.getBytes(StandardCharsets.UTF_8));
        sha256.update((byte) 0);
        sha256.update(event.name().getBytes(StandardCharsets.UTF_8));
        sha256.update((byte) 0);
        sha256.update(digest);
        HexFormat hex = HexFormat.of();
        return new ClaimCheck(hex.formatHex(sha256.digest()), hex.formatHex(digest), event.payload().length);
    }

    /** Whether a text can be an id. */
    static boolean isId(String text) {
        return text.length() == 64 && text.chars().allMatch(c -> (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'));
    }

    /** The message with this in place of its payload. A header of the row that has the name of one of these gives way. */
    Message inPlaceOfPayload(Message message) {
        Map<String, String> headers = new LinkedHashMap<>(message.headers());
        headers.put(HEADER, id);
        headers.put(HEADER_SHA256, sha256);
        headers.put(HEADER_SIZE, Long.toString(size));
        return new Message(message.destination(), message.key(), json(), headers, message.timestamp());
    }

    private byte[] json() {
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("claimCheck", id);
        fields.put("sha256", sha256);
        fields.put("size", size);
        try {
            return JSON.writeValueAsBytes(fields);
        } catch (JsonProcessingException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static MessageDigest newSha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java has SHA-256", e);
        }
    }
}
