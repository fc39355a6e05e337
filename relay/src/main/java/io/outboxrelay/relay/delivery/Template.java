package io.outboxrelay.relay.delivery;

import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

import io.outboxrelay.api.OutboxEvent;
import io.outboxrelay.api.RejectedException;

/**
 * A text with fields in braces, filled from an event: {@code events.{aggregateType}}.
 *
 * <p>Fields are {@code id}, {@code aggregateType}, {@code aggregateId}, {@code type}, {@code occurredAt} (ISO-8601, UTC)
 * and {@code headers.NAME}, an entry of the row's headers. Used by one thread at a time.
 */
final class Template {

    private static final String HEADER_PREFIX = "headers.";

    private interface Part {
        String of(OutboxEvent event, Map<String, String> headers);
    }

    private record Literal(String text) implements Part {
        @Override
        public String of(OutboxEvent event, Map<String, String> headers) {
            return text;
        }
    }

    private record Field(String name, Part value) implements Part {
        @Override
        public String of(OutboxEvent event, Map<String, String> headers) {
            return value.of(event, headers);
        }
    }

    /** Making the text takes longer than all other fields together, and the rows of a transaction share their moment. */
    private static final class OccurredAt implements Part {

        private Instant last;
        private String text;

        @Override
        public String of(OutboxEvent event, Map<String, String> headers) {
            if (!event.occurredAt().equals(last)) {
                last = event.occurredAt();
                text = last.toString();
            }
            return text;
        }
    }

    private final String text;
    private final List<Part> parts;

    private Template(String text, List<Part> parts) {
        this.text = text;
        this.parts = parts;
    }

    /** @throws IllegalArgumentException if a brace is not closed or a field is not known */
    static Template parse(String text) {
        List<Part> parts = new ArrayList<>();
        int from = 0;
        while (from < text.length()) {
            int open = text.indexOf('{', from);
            if (open < 0) {
                parts.add(new Literal(text.substring(from)));
                break;
            }
            if (open > from) {
                parts.add(new Literal(text.substring(from, open)));
            }
            int close = text.indexOf('}', open);
            if (close < 0) {
                throw new IllegalArgumentException("\"" + text + "\" has a '{' that is not closed");
            }
            parts.add(field(text, text.substring(open + 1, close)));
            from = close + 1;
        }
        return new Template(text, List.copyOf(parts));
    }

    private static Field field(String template, String name) {
        return switch (name) {
            case "id" -> new Field(name, (event, headers) -> event.id());
            case "aggregateType" -> new Field(name, (event, headers) -> event.aggregateType());
            case "aggregateId" -> new Field(name, (event, headers) -> event.aggregateId());
            case "type" -> new Field(name, (event, headers) -> event.type());
            case "occurredAt" -> new Field(name, new OccurredAt());
            default -> {
                if (!name.startsWith(HEADER_PREFIX) || name.length() == HEADER_PREFIX.length()) {
                    throw new IllegalArgumentException("\"" + template + "\" names the field {" + name
                            + "}; allowed: {id}, {aggregateType}, {aggregateId}, {type}, {occurredAt}, {headers.NAME}");
                }
                String header = name.substring(HEADER_PREFIX.length());
                yield new Field(name, (event, headers) -> headers.get(header));
            }
        };
    }

    /** Whether every event gets the same text. */
    boolean isConstant() {
        return parts.stream().allMatch(Literal.class::isInstance);
    }

    /** @throws RejectedException if the event lacks what a field names */
    String fill(OutboxEvent event, Map<String, String> headers) throws RejectedException {
        if (parts.size() == 1) {
            return value(parts.get(0), event, headers);
        }
        StringBuilder filled = new StringBuilder(64);
        for (Part part : parts) {
            filled.append(value(part, event, headers));
        }
        return filled.toString();
    }

    private String value(Part part, OutboxEvent event, Map<String, String> headers) throws RejectedException {
        String value = part.of(event, headers);
        if (value == null) {
            throw new RejectedException(
                    RejectedException.Kind.UNFIT_ROW,
                    "the template \"" + text + "\" names {" + ((Field) part).name() + "}, which this row lacks");
        }
        return value;
    }

    @Override
    public String toString() {
        return text;
    }
}
