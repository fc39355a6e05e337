package io.outboxrelay.relay.command;

import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.outboxrelay.relay.deadletter.DeadLetter;
import io.outboxrelay.relay.deadletter.DeadLetterCounts;
import io.outboxrelay.relay.deadletter.LetterDesk.Summary;

/** Writes what is put aside for people or for programs. Content is written only by {@link #content}. */
final class DeadLetterPrinter {

    private static final String LINE = "%-36s  %-24s  %-14s  %8s  %-20s  %s";

    private final PrintWriter out;
    private final boolean asJson;

    DeadLetterPrinter(PrintWriter out, boolean asJson) {
        this.out = out;
        this.asJson = asJson;
    }

    /** A line for each, and what there is in all. */
    void list(List<Summary> letters, DeadLetterCounts counts) {
        if (asJson) {
            ObjectNode all = JsonText.object();
            ArrayNode list = all.putArray("deadLetters");
            letters.forEach(summary -> list.add(node(summary)));
            all.put("total", counts.letters()).put("parkedAggregates", counts.parkedKeys());
            print(all);
            return;
        }
        if (!letters.isEmpty()) {
            out.println(LINE.formatted("ID", "AGGREGATE", "KIND", "ATTEMPTS", "PUT ASIDE", "REASON"));
        }
        for (Summary summary : letters) {
            DeadLetter letter = summary.letter();
            out.println(LINE.formatted(
                    letter.name(),
                    letter.key(),
                    letter.kind(),
                    letter.attempts(),
                    letter.putAsideAt().toString().replaceFirst("\\.\\d+Z", "Z"),
                    letter.reason() + wish(letter)));
        }
        out.println(DeadLetterCounts.text(counts.letters()) + " event(s) put aside, "
                + DeadLetterCounts.text(counts.parkedKeys()) + " aggregate(s) parked"
                + (letters.size() < counts.letters() ? "; the first " + letters.size() + " are listed" : ""));
    }

    /** All about one, but what it says. */
    void show(Summary summary, List<String> headerNames) {
        ObjectNode node = node(summary);
        ArrayNode names = node.putArray("headerNames");
        headerNames.forEach(names::add);
        print(node);
    }

    /** The same and what it says. */
    void content(Summary summary, byte[] payload) {
        String headers = summary.letter().event().headers();
        if (asJson) {
            ObjectNode node = node(summary);
            node.put("headers", headers);
            node.put("payloadBase64", payload);
            print(node);
            return;
        }
        print(node(summary));
        out.println("headers: " + headers);
        out.println();
        out.println(payload == null ? "" : new String(payload, StandardCharsets.UTF_8));
    }

    /** What a wish came to. */
    void wished(DeadLetter.Wish wish, int events, String text) {
        if (asJson) {
            print(JsonText.object()
                    .put("wish", wish.name().toLowerCase(Locale.ROOT))
                    .put("events", events));
        } else {
            out.println(text);
        }
    }

    /** What an operator said about an event that the relay halts before. */
    void noted(String action, String id, String text) {
        if (asJson) {
            print(JsonText.object().put("action", action).put("id", id).put("noted", true));
        } else {
            out.println(text);
        }
    }

    private ObjectNode node(Summary summary) {
        DeadLetter letter = summary.letter();
        ObjectNode node = JsonText.object();
        node.put("id", letter.name());
        node.put("aggregateType", letter.event().aggregateType());
        node.put("aggregateId", letter.event().aggregateId());
        node.put("type", letter.event().type());
        node.put("destination", letter.destination());
        node.put("parked", letter.parked());
        node.put("kind", letter.kind());
        node.put("reason", letter.reason());
        node.put("attempts", letter.attempts());
        node.put("position", letter.event().position().toString());
        node.put("occurredAt", letter.event().occurredAt().toString());
        node.put("putAsideAt", letter.putAsideAt().toString());
        node.put("triedAt", letter.triedAt().map(Object::toString).orElse(null));
        node.put(
                "wish",
                letter.wish().map(wish -> wish.name().toLowerCase(Locale.ROOT)).orElse(null));
        node.put("wishedBy", letter.wishedBy().orElse(null));
        node.put("payloadBytes", summary.payloadBytes());
        return node;
    }

    private static String wish(DeadLetter letter) {
        return letter.wish()
                .map(wish -> " (to be " + (wish == DeadLetter.Wish.REDRIVE ? "redriven" : "discarded") + ")")
                .orElse("");
    }

    private void print(ObjectNode node) {
        if (!asJson) {
            node.properties().forEach(field -> out.println(field.getKey() + ": " + text(field.getValue())));
            return;
        }
        out.println(JsonText.of(node));
    }

    private static String text(JsonNode value) {
        if (!value.isArray()) {
            return value.isNull() ? "-" : value.asText();
        }
        List<String> texts = new ArrayList<>();
        value.forEach(element -> texts.add(element.asText()));
        return String.join(", ", texts);
    }
}
