package io.outboxrelay.relay.command;

import com.fasterxml.jackson.databind.JsonNode;

/** What a relay answers about its state, in one line. */
final class StateText {

    private StateText() {}

    /** {@code : STREAMING since 2026-03-01T12:00:00Z: reason}, as far as it is told. */
    static String of(JsonNode status) {
        return text(status, "state", ": ") + text(status, "since", " since ") + text(status, "reason", ": ");
    }

    private static String text(JsonNode status, String field, String before) {
        String text = status.path(field).asText("");
        return text.isEmpty() ? "" : before + text;
    }
}
