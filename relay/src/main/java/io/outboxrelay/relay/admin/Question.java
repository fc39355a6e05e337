package io.outboxrelay.relay.admin;

import java.util.Map;
import java.util.Optional;

import com.fasterxml.jackson.databind.JsonNode;

/**
 * A request that may be answered.
 *
 * @param parameters of the query, by name
 * @param body the object that an action was sent with
 * @param who asks, for the log; empty where nobody had to say
 */
record Question(Map<String, String> parameters, Optional<JsonNode> body, String who) {

    /**
     * A whole number of the query.
     *
     * @throws RefusedException if it is no such number
     */
    long number(String name, long otherwise, long min, long max) throws RefusedException {
        String text = parameters.get(name);
        if (text == null) {
            return otherwise;
        }
        try {
            long number = Long.parseLong(text);
            if (number >= min && number <= max) {
                return number;
            }
        } catch (NumberFormatException e) {
            // Said below.
        }
        throw new RefusedException(400, name + " must be a whole number from " + min + " to " + max);
    }

    /** A text of the body; empty where there is none of this name. */
    Optional<String> text(String name) {
        return body.map(object -> object.get(name)).filter(JsonNode::isTextual).map(JsonNode::asText);
    }

    /** Whether the body says that this is true. */
    boolean says(String name) {
        return body.map(object -> object.get(name))
                .filter(JsonNode::isBoolean)
                .map(JsonNode::asBoolean)
                .orElse(false);
    }
}
