package io.outboxrelay.schema;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * The SQL that ships in this module, for Postgres 14 to 18. Each is one text of plain statements under the default
 * names, to be run in the schema that is first in {@code search_path}; some hold dollar-quoted bodies, so run them
 * whole.
 *
 * <p>A new outbox needs {@link #TABLE} or {@link #PARTITIONED_TABLE}, then {@link #RELAY}; an existing table needs only
 * {@link #RELAY} and a publication. {@link #MARK} is for rows that stay in the table once they are delivered.
 */
public enum SchemaScript {
    /** The outbox table and its publication. */
    TABLE("table/V1__outbox.sql"),
    /** The same, partitioned by {@code seq}. */
    PARTITIONED_TABLE("partitioned/V1__outbox_partitioned.sql"),
    /** The relay's own tables. */
    RELAY("relay/V2__outbox_relay.sql"),
    /** What the relay puts aside: rejected events, and payloads that are too large. */
    DEAD_LETTER("relay/V4__outbox_dead_letter.sql"),
    /** A column and an index for {@code outbox.after-delivery = mark}. Does nothing where both are there. */
    MARK("mark/V3__outbox_delivered_at.sql"),
    /** A trigger that refuses changes of events. May be run again. */
    REFUSE_UPDATES("guard/R__outbox_refuse_updates.sql"),
    /** A trigger that wakes a relay that polls. May be run again. */
    NOTIFY("notify/R__outbox_notify.sql"),
    /** The relay's role {@code outbox_relay}, without a password. Fails where the role exists. */
    RELAY_ROLE("roles/relay.sql"),
    /** The same role with less, for a relay that only polls. Fails where the role exists. */
    POLLING_ROLE("roles/polling.sql"),
    /** The role {@code outbox_service}, to be granted to the service's. Fails where the role exists. */
    SERVICE_ROLE("roles/service.sql");

    private static final String FOLDER = "db/outbox/postgres/";

    private final String name;

    SchemaScript(String name) {
        this.name = name;
    }

    /** Where it is on the class path, without a leading slash. */
    public String path() {
        return FOLDER + name;
    }

    /** Its text. */
    public String sql() {
        try (InputStream in = SchemaScript.class.getResourceAsStream("/" + path())) {
            if (in == null) {
                throw new IllegalStateException(path() + " is missing from the class path");
            }
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(path() + " cannot be read", e);
        }
    }

    /** Its statements, each with its semicolon and with the comment that stands directly above it. */
    public List<String> statements() {
        return SqlStatements.of(sql());
    }
}
