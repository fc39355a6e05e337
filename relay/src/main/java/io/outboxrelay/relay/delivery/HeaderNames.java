package io.outboxrelay.relay.delivery;

import java.util.List;

import io.outboxrelay.api.OutboxEvent;
import io.outboxrelay.api.RejectedException;

/** What may be told of a row's headers without telling their content. */
public final class HeaderNames {

    private HeaderNames() {}

    /** The names of the headers of a row's own; none if its headers are no headers. */
    public static List<String> of(OutboxEvent event) {
        try {
            return List.copyOf(new RowHeaders().parse(event.headers()).keySet());
        } catch (RejectedException e) {
            return List.of();
        }
    }
}
