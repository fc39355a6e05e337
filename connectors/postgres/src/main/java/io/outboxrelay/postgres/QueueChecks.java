package io.outboxrelay.postgres;

import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

import io.outboxrelay.api.AfterDelivery;
import io.outboxrelay.api.AfterDelivery.Action;
import io.outboxrelay.api.Code;
import io.outboxrelay.api.Finding;
import io.outboxrelay.schema.Identifier;
import io.outboxrelay.schema.OutboxTable;

/** Whether the table can be read as a queue: the column that orders it, and the index that finds what is unsent. */
final class QueueChecks {

    private static final Set<String> NUMBERS = Set.of("int2", "int4", "int8");

    private static final String COLUMN = """
            SELECT attnotnull,
                   attidentity <> '' OR EXISTS (SELECT FROM pg_attrdef WHERE adrelid = attrelid AND adnum = attnum
                                                  AND pg_get_expr(adbin, adrelid) LIKE 'nextval(%')
            FROM pg_attribute WHERE attrelid = ? AND attnum = ?""";

    private static final String INDEXES = """
            SELECT indpred IS NULL, pg_get_expr(indpred, indrelid) = format('(%I IS NULL)', ?::text),
                   indpred IS NULL AND indisunique AND indnkeyatts = 1
            FROM pg_index WHERE indrelid = ? AND indkey[0] = ? AND indisvalid""";

    private final Session session;
    private final OutboxTable table;
    private final AfterDelivery after;
    private final CatalogTable found;
    private final String subject;

    QueueChecks(Session session, OutboxTable table, AfterDelivery after, CatalogTable found) {
        this.session = session;
        this.table = table;
        this.after = after;
        this.found = found;
        this.subject = "order of " + table;
    }

    /** The columns of the event, its time and order, and the mark that says that it was sent. */
    static List<String> columnsToRead(OutboxTable table, AfterDelivery after) {
        return Stream.of(
                        table.columns().ofEvent().stream(),
                        table.columns().createdAt().stream(),
                        table.columns().seq().stream(),
                        after.action() == Action.MARK ? Stream.of(after.markColumn()) : Stream.<String>empty())
                .flatMap(name -> name)
                .distinct()
                .toList();
    }

    List<Finding> findings() throws SQLException {
        if (table.columns().seq().isEmpty()) {
            return List.of(Finding.error(
                    Code.ORDER_COLUMN_MISSING,
                    subject,
                    "outbox.columns.seq names no column, so nothing tells the order of the rows.",
                    add("seq") + " -- and set outbox.columns.seq = seq"));
        }
        String name = table.columns().seq().get();
        CatalogTable.Column column = found.columns().get(name);
        if (column == null) {
            return List.of(Finding.error(
                    Code.ORDER_COLUMN_MISSING,
                    subject,
                    table + " has no column " + name + ", which tells the order of the rows.",
                    add(name) + " -- or name the right one in outbox.columns.seq"));
        }
        Optional<Finding> unusable = type(table, subject, name, column);
        if (unusable.isPresent()) {
            return List.of(unusable.get());
        }
        List<Finding> findings = new ArrayList<>();
        boolean isCounted = column(findings, name, column);
        indexes(findings, name, column, isCounted);
        if (findings.isEmpty()) {
            findings.add(Finding.ok(subject, "is told by " + name + ", which has an index"));
        }
        return findings;
    }

    /** A column whose values are no whole numbers neither orders rows nor finds them again; empty if it can be used. */
    static Optional<Finding> type(OutboxTable table, String subject, String name, CatalogTable.Column column) {
        if (NUMBERS.contains(column.baseType())) {
            return Optional.empty();
        }
        return Optional.of(Finding.error(
                Code.ORDER_COLUMN_TYPE,
                subject,
                "column " + name + " of " + table + " is of type " + column.type()
                        + "; usable are bigint, integer and smallint.",
                "ALTER TABLE " + table.quoted() + " ALTER COLUMN " + Identifier.quote(name) + " TYPE bigint USING "
                        + Identifier.quote(name) + "::bigint; -- rewrites the table under an exclusive lock"));
    }

    /** Returns whether the database itself counts, so that no number comes twice. */
    private boolean column(List<Finding> findings, String name, CatalogTable.Column column) throws SQLException {
        try (PreparedStatement query = session.query(COLUMN, found.oid(), column.number());
                ResultSet row = query.executeQuery()) {
            row.next();
            if (!row.getBoolean(1)) {
                findings.add(Finding.error(
                        Code.ORDER_COLUMN_NULL,
                        subject,
                        "column " + name + " may be NULL, and a row without a number would never be read.",
                        "ALTER TABLE " + table.quoted() + " ALTER COLUMN " + Identifier.quote(name)
                                + " SET NOT NULL; -- reads the table under an exclusive lock"));
            }
            return row.getBoolean(2);
        }
    }

    private void indexes(List<Finding> findings, String name, CatalogTable.Column column, boolean isCounted)
            throws SQLException {
        boolean isIndexed = false;
        boolean isOfUnmarked = false;
        boolean isUnique = isCounted;
        try (PreparedStatement query = session.query(INDEXES, after.markColumn(), found.oid(), column.number());
                ResultSet row = query.executeQuery()) {
            while (row.next()) {
                isIndexed |= row.getBoolean(1);
                isOfUnmarked |= row.getBoolean(2);
                isUnique |= row.getBoolean(3);
            }
        }
        boolean isMarking = after.action() == Action.MARK;
        String index = "CREATE INDEX ON " + table.quoted() + " (" + Identifier.quote(name) + ")"
                + (isMarking ? " WHERE " + after.unsent() : "")
                + "; -- CONCURRENTLY, where services write meanwhile";
        if (isMarking && !isOfUnmarked && found.columns().containsKey(after.markColumn())) {
            findings.add(Finding.error(
                    Code.ORDER_INDEX_MISSING,
                    subject,
                    "no index finds the unmarked rows by " + name + ": polls would step over all that were sent.",
                    index));
        } else if (!isMarking && !isIndexed) {
            findings.add(Finding.error(
                    Code.ORDER_INDEX_MISSING,
                    subject,
                    "no index begins with " + name + ": each poll would read the whole table.",
                    index));
        } else if (!isUnique) {
            findings.add(Finding.warning(
                    Code.ORDER_NOT_UNIQUE,
                    subject,
                    "two rows may have the same " + name + ": both are removed when one of them is sent.",
                    "CREATE UNIQUE INDEX ON " + table.quoted() + " (" + Identifier.quote(name)
                            + "); -- CONCURRENTLY, where services write meanwhile"));
        }
    }

    /** Before Postgres 17 a partitioned table has no identity, and its unique indexes need the partition's key. */
    private String add(String name) {
        String quoted = Identifier.quote(name);
        String column = "ALTER TABLE " + table.quoted() + " ADD COLUMN " + quoted;
        return found.isPartitioned()
                ? column + " bigserial; CREATE INDEX ON " + table.quoted() + " (" + quoted + ");"
                : column + " bigint GENERATED BY DEFAULT AS IDENTITY (CACHE 1) UNIQUE;";
    }
}
