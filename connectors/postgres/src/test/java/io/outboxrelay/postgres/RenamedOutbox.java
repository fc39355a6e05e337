package io.outboxrelay.postgres;

import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.regex.Matcher;

import io.outboxrelay.schema.Identifier;
import io.outboxrelay.schema.OutboxColumns;
import io.outboxrelay.schema.OutboxTable;
import io.outboxrelay.schema.SchemaScript;

/** The scripts with every name changed, as somebody would who edits them. */
final class RenamedOutbox {

    static final OutboxTable TABLE = new OutboxTable(
            "Shop Events",
            "Out \"Box\"",
            new OutboxColumns(
                    "Event ID",
                    "Aggregate'Type",
                    "Aggregate\"Id",
                    "Тип",
                    "payLoad",
                    Optional.of("Headers"),
                    Optional.of("when"),
                    Optional.of("Seq")));

    private RenamedOutbox() {}

    static String sql(SchemaScript script) {
        OutboxColumns columns = TABLE.columns();
        Map<String, String> names = new TreeMap<>(Map.of(
                "id", columns.id(),
                "aggregate_type", columns.aggregateType(),
                "aggregate_id", columns.aggregateId(),
                "type", columns.type(),
                "payload", columns.payload(),
                "headers", columns.headers().orElseThrow(),
                "created_at", columns.createdAt().orElseThrow(),
                "seq", columns.seq().orElseThrow(),
                "outbox", TABLE.table(),
                "outbox_relay", "Relay's"));
        String sql = script.sql()
                .lines()
                .filter(line -> !line.stripLeading().startsWith("--"))
                .reduce("", (a, b) -> a + b + "\n");
        if (script != SchemaScript.RELAY) {
            for (Map.Entry<String, String> name : names.entrySet()) {
                sql = sql.replaceAll(
                        "(?<![\\w'])" + name.getKey() + "(?!\\w)",
                        Matcher.quoteReplacement(Identifier.quote(name.getValue())));
            }
        }
        String schema = Identifier.quote(TABLE.schema());
        return "CREATE SCHEMA IF NOT EXISTS " + schema + "; SET search_path = " + schema + ";\n" + sql;
    }
}
