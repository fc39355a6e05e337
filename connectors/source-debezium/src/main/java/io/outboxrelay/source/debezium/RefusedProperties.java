package io.outboxrelay.source.debezium;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/** Which properties of Debezium nobody may set, and why. */
final class RefusedProperties {

    /** Beginnings of names; the first that fits counts. */
    private static final Map<String, String> REASONS = new LinkedHashMap<>();

    static {
        String position = "the replication slot is the position, and the relay moves it";
        String order = "rows could be lost, repeated or reordered";
        String rows = "rows are handed over as the database has them, all of them";
        String elsewhere = "it is set in the section database";
        String here = "the relay sets it";
        REASONS.put("offset.", position);
        REASONS.put("slot.", position);
        REASONS.put("flush.lsn.source", position);
        REASONS.put("lsn.flush.mode", position);
        REASONS.put("snapshot.", "rows come from the log alone");
        REASONS.put("incremental.snapshot.", "rows come from the log alone");
        REASONS.put("signal.", "rows come from the log alone");
        REASONS.put("transforms", rows);
        REASONS.put("predicates", rows);
        REASONS.put("converters", rows);
        REASONS.put("post.processors", rows);
        REASONS.put("column.", rows);
        REASONS.put("table.", rows);
        REASONS.put("schema.include", rows);
        REASONS.put("schema.exclude", rows);
        REASONS.put("schema.name", rows);
        REASONS.put("field.name", rows);
        REASONS.put("message.", rows);
        REASONS.put("skip", rows);
        REASONS.put("binary.handling.mode", rows);
        REASONS.put("decimal.handling.mode", rows);
        REASONS.put("sourceinfo.struct.maker", rows);
        REASONS.put("provide.transaction.metadata", rows);
        REASONS.put("event.", "a row that cannot be read must never be passed over");
        REASONS.put("errors.", "an engine that failed is replaced by a new one, never mended in place");
        REASONS.put("retriable.", "an engine that failed is replaced by a new one, never mended in place");
        REASONS.put("custom.retriable", "an engine that failed is replaced by a new one, never mended in place");
        REASONS.put("record.processing.order", order);
        REASONS.put("record.processing.with.serial.consumer", order);
        REASONS.put("tasks.max", order);
        REASONS.put("queue.provider", order);
        REASONS.put("plugin.name", "the relay reads pgoutput");
        REASONS.put("publication.", "the publication belongs to the schema, and is named by the setting publication");
        REASONS.put("publish.", "the publication belongs to the schema, and is named by the setting publication");
        REASONS.put("replica.identity", "the relay changes no table");
        REASONS.put("heartbeat.", here);
        REASONS.put("max.", here);
        REASONS.put("poll.interval.ms", here);
        REASONS.put("topic.", here);
        REASONS.put("connector.class", here);
        REASONS.put("name", here);
        REASONS.put("tombstones", here);
        REASONS.put("statistics.metrics.enabled", here);
        REASONS.put("database.", elsewhere);
        REASONS.put("driver.", elsewhere);
    }

    private RefusedProperties() {}

    /** Why the property may not be set; empty if it may. */
    static Optional<String> reason(String name) {
        return REASONS.entrySet().stream()
                .filter(entry -> name.startsWith(entry.getKey()))
                .map(Map.Entry::getValue)
                .findFirst();
    }
}
