package io.outboxrelay.relay.delivery;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

import io.outboxrelay.api.Message;
import io.outboxrelay.api.OutboxEvent;
import io.outboxrelay.api.RejectedException;

/** Turns an event into the message that the configuration asks for. Safe for use by one thread at a time. */
public final class Router {

    private static final byte[] EMPTY = {};

    private final Template topic;
    private final Template key;
    private final Map<String, Template> headers = new LinkedHashMap<>();
    private final NullPayload nullPayload;
    private final RowHeaders rowHeaders = new RowHeaders();

    /**
     * @param topic template of the destination
     * @param key template of the ordering key
     * @param headers templates of the headers, by name
     * @param nullPayload what becomes of a payload that is NULL
     * @throws IllegalArgumentException if a template is not one
     */
    public Router(String topic, String key, Map<String, String> headers, NullPayload nullPayload) {
        this.nullPayload = nullPayload;
        this.topic = Template.parse(topic);
        this.key = Template.parse(key);
        headers.forEach((name, template) -> this.headers.put(name, Template.parse(template)));
    }

    /** The destination that a template always gives, if it names no field. */
    public static Optional<String> constantDestination(String topic) {
        return Template.parse(topic).isConstant() ? Optional.of(topic) : Optional.empty();
    }

    /**
     * The message for an event. Headers made by templates come first; the row's own follow, and one of the same name
     * does not replace them, because consumers filter duplicates by {@code id}.
     *
     * @throws RejectedException if the row can never become a message
     */
    public Message route(OutboxEvent event) throws RejectedException {
        try {
            return message(event);
        } catch (RuntimeException e) {
            // A row that nobody thought of must not end the run again and again.
            throw new RejectedException(
                    RejectedException.Kind.UNFIT_ROW,
                    "no message can be made of it (" + e.getClass().getSimpleName() + ")",
                    e);
        }
    }

    /** The headers of a row's own; none if they cannot be read. */
    Map<String, String> headers(OutboxEvent event) {
        try {
            return rowHeaders.parse(event.headers());
        } catch (RejectedException | RuntimeException e) {
            return Map.of(); // Why, the rejection of the event says.
        }
    }

    private Message message(OutboxEvent event) throws RejectedException {
        require(event.id(), "id");
        require(event.aggregateType(), "aggregate type");
        require(event.aggregateId(), "aggregate id");
        require(event.type(), "type");
        Map<String, String> own = rowHeaders.parse(event.headers());
        Map<String, String> all = new LinkedHashMap<>();
        for (Map.Entry<String, Template> header : headers.entrySet()) {
            all.put(header.getKey(), header.getValue().fill(event, own));
        }
        own.forEach(all::putIfAbsent);
        return new Message(
                topic.fill(event, own),
                key.fill(event, own),
                event.payload() == null && nullPayload == NullPayload.EMPTY ? EMPTY : event.payload(),
                all,
                event.occurredAt());
    }

    private static void require(String value, String column) throws RejectedException {
        if (value == null) {
            throw new RejectedException(RejectedException.Kind.UNFIT_ROW, "the row's " + column + " is NULL");
        }
    }
}
