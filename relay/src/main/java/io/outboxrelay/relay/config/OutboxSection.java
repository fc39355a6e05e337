package io.outboxrelay.relay.config;

import java.util.Optional;

import com.typesafe.config.Config;
import io.outboxrelay.api.AfterDelivery;
import io.outboxrelay.api.config.Settings;
import io.outboxrelay.schema.Identifier;
import io.outboxrelay.schema.OutboxColumns;
import io.outboxrelay.schema.OutboxTable;

/** Reads the section {@code outbox}: the table, and what becomes of its rows. */
final class OutboxSection {

    private enum Preset {
        DEFAULT,
        DEBEZIUM
    }

    private final Settings outbox;
    private final Settings columns;
    private final Config root;

    OutboxSection(Settings outbox, Config root) {
        this.outbox = outbox;
        this.columns = outbox.section("columns");
        this.root = root;
    }

    /** A preset's columns, each replaced where the user names another. */
    OutboxTable read() {
        String schema = valid(outbox, "schema", outbox.text("schema"));
        String table = valid(outbox, "table", outbox.text("table"));
        OutboxColumns preset = switch (outbox.choice("preset", Preset.class)) {
            case DEFAULT -> OutboxColumns.DEFAULT;
            case DEBEZIUM -> OutboxColumns.DEBEZIUM;
        };
        return new OutboxTable(
                schema,
                table,
                new OutboxColumns(
                        needed("id", preset.id()),
                        needed("aggregate-type", preset.aggregateType()),
                        needed("aggregate-id", preset.aggregateId()),
                        needed("type", preset.type()),
                        needed("payload", preset.payload()),
                        optional("headers", preset.headers()),
                        optional("created-at", preset.createdAt()),
                        optional("seq", preset.seq())));
    }

    AfterDelivery readAfterDelivery() {
        Settings cleanup = outbox.section("cleanup");
        Settings partitions = outbox.section("partitions");
        return new AfterDelivery(
                outbox.choice("after-delivery", AfterDelivery.Action.class),
                valid(cleanup, "mark-column", cleanup.text("mark-column")),
                cleanup.integer("batch-rows", 1, 100_000),
                cleanup.integer("rows-per-second", 0, 10_000_000),
                partitions.integer("rows", 1_000, 1_000_000_000),
                partitions.integer("ahead", 1, 100));
    }

    private String needed(String key, String preset) {
        Optional<String> named = columns.optionalText(key);
        if (named.isEmpty() && givenAsNothing(key)) {
            columns.problem(key, "is empty; allowed: the name of a column, or null for \"" + preset + "\"");
        }
        return named.map(name -> valid(columns, key, name)).orElse(preset);
    }

    private Optional<String> optional(String key, Optional<String> preset) {
        Optional<String> named = columns.optionalText(key).map(name -> valid(columns, key, name));
        return named.isEmpty() && !givenAsNothing(key) ? preset : named;
    }

    private boolean givenAsNothing(String key) {
        return root.hasPath(columns.at(key));
    }

    private static String valid(Settings section, String key, String name) {
        try {
            return Identifier.requireValid(name);
        } catch (IllegalArgumentException e) {
            section.problem(key, "cannot be a name in Postgres: " + e.getMessage());
            return "?";
        }
    }
}
