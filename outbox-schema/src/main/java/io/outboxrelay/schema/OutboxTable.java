package io.outboxrelay.schema;

import java.util.Objects;

/**
 * Where the outbox is: schema, table and columns, by the names that the database knows (case kept, unquoted).
 *
 * @param schema the table's schema
 * @param table the table's name
 * @param columns the table's columns
 */
public record OutboxTable(String schema, String table, OutboxColumns columns) {

    /** The table that {@code outbox-schema} creates, in the schema {@code public}. */
    public static final OutboxTable DEFAULT = new OutboxTable("public", "outbox", OutboxColumns.DEFAULT);

    /** @throws IllegalArgumentException if a name is not a usable identifier */
    public OutboxTable {
        Identifier.requireValid(schema);
        Identifier.requireValid(table);
        Objects.requireNonNull(columns);
    }

    /** The table's full name as SQL text, quoted. */
    public String quoted() {
        return Identifier.quote(schema) + "." + Identifier.quote(table);
    }

    /** The table's full name for people: {@code schema.table}, unquoted. */
    @Override
    public String toString() {
        return schema + "." + table;
    }
}
