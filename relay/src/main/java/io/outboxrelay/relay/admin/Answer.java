package io.outboxrelay.relay.admin;

import java.util.Map;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;

/**
 * What is answered to a request.
 *
 * @param code the status code of HTTP
 * @param type the content type
 * @param body the content
 * @param headers headers beside those that every answer carries
 */
record Answer(int code, String type, String body, Map<String, String> headers) {

    private static final ObjectMapper JSON = new ObjectMapper();

    static Answer of(int code, String type, String body) {
        return new Answer(code, type, body, Map.of());
    }

    static Answer json(int code, JsonNode body) {
        try {
            return of(code, "application/json", JSON.writeValueAsString(body));
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("a tree of texts and numbers cannot be written", e);
        }
    }

    /** Says in one line what is wrong. */
    static Answer refusal(int code, String error) {
        return json(code, JSON.createObjectNode().put("error", error));
    }

    Answer with(String header, String value) {
        return new Answer(code, type, body, Map.of(header, value));
    }
}
