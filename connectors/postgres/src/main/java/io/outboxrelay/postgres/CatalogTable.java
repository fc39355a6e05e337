package io.outboxrelay.postgres;

import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

import io.outboxrelay.schema.OutboxTable;

/**
 * A relation as the catalog has it.
 *
 * @param oid its number
 * @param kind {@code pg_class.relkind}
 * @param partitionRoot the table that this is a partition of, as text, or null
 * @param schemaOid the number of its schema
 * @param columns its columns by name, in the table's order
 */
record CatalogTable(long oid, char kind, String partitionRoot, long schemaOid, Map<String, Column> columns) {

    /**
     * A column.
     *
     * @param number {@code pg_attribute.attnum}
     * @param type its type for people
     * @param baseType its type's {@code typname}, that of the underlying type for a domain, {@code enum} for any enum
     * @param generated {@code s} for stored, {@code v} for virtual, NUL for none
     * @param readable whether the role may SELECT it
     */
    record Column(int number, String type, String baseType, char generated, boolean readable) {}

    private static final String RELATION = """
            SELECT c.oid, c.relkind, n.oid,
                   CASE WHEN c.relispartition THEN pg_partition_root(c.oid)::regclass::text END
            FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE n.nspname = ? AND c.relname = ?""";

    private static final String COLUMNS = """
            WITH RECURSIVE base AS (
                SELECT attnum, t.oid, typtype, typname, typbasetype
                FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
                WHERE a.attrelid = ? AND attnum > 0 AND NOT attisdropped
              UNION ALL
                SELECT b.attnum, t.oid, t.typtype, t.typname, t.typbasetype
                FROM base b JOIN pg_type t ON t.oid = b.typbasetype
                WHERE b.typtype = 'd')
            SELECT a.attname, a.attnum, format_type(a.atttypid, a.atttypmod),
                   CASE WHEN base.typtype = 'e' THEN 'enum' ELSE base.typname END,
                   a.attgenerated, has_column_privilege(a.attrelid, a.attnum, 'SELECT')
            FROM base JOIN pg_attribute a ON a.attrelid = ? AND a.attnum = base.attnum
            WHERE base.typtype <> 'd'
            ORDER BY a.attnum""";

    static Optional<CatalogTable> find(Session session, OutboxTable table) throws SQLException {
        try (PreparedStatement query = session.query(RELATION, table.schema(), table.table());
                ResultSet row = query.executeQuery()) {
            if (!row.next()) {
                return Optional.empty();
            }
            long oid = row.getLong(1);
            return Optional.of(new CatalogTable(
                    oid, first(row.getString(2)), row.getString(4), row.getLong(3), columns(session, oid)));
        }
    }

    boolean isPartitioned() {
        return kind == 'p';
    }

    /** Whether it is a table, partitioned or not, rather than a view or something else that has columns. */
    boolean holdsRows() {
        return kind == 'r' || kind == 'p';
    }

    private static Map<String, Column> columns(Session session, long oid) throws SQLException {
        Map<String, Column> columns = new LinkedHashMap<>();
        try (PreparedStatement query = session.query(COLUMNS, oid, oid);
                ResultSet row = query.executeQuery()) {
            while (row.next()) {
                columns.put(
                        row.getString(1),
                        new Column(
                                row.getInt(2),
                                row.getString(3),
                                row.getString(4),
                                first(row.getString(5)),
                                row.getBoolean(6)));
            }
        }
        return columns;
    }

    private static char first(String text) {
        return text.isEmpty() ? '\0' : text.charAt(0);
    }
}
