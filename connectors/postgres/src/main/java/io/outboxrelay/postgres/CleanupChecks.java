package io.outboxrelay.postgres;

import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

import io.outboxrelay.api.AfterDelivery;
import io.outboxrelay.api.AfterDelivery.Action;
import io.outboxrelay.api.Code;
import io.outboxrelay.api.Finding;
import io.outboxrelay.schema.Identifier;
import io.outboxrelay.schema.OutboxTable;

/** Whether settled rows can be removed or marked: the right to, the columns that it takes, and an index to find them. */
final class CleanupChecks {

    private static final String INDEXED = """
            SELECT EXISTS (SELECT FROM pg_index
                           WHERE indrelid = ? AND indkey[0] = ? AND indisvalid AND indpred IS NULL)""";

    private static final String MAY_DELETE = "SELECT has_table_privilege(?::oid, 'DELETE')";

    private static final String MAY_MARK = "SELECT has_column_privilege(?::oid, ?::smallint, 'UPDATE')";

    private static final String GUARDED = """
            SELECT tgname FROM pg_trigger
            WHERE tgrelid = ? AND NOT tgisinternal AND tgenabled <> 'D' AND tgtype & 16 = 16
              AND (tgattr::text = '' OR ?::text = ANY (string_to_array(tgattr::text, ' ')))
            ORDER BY 1 LIMIT 1""";

    private final Session session;
    private final OutboxTable table;
    private final AfterDelivery after;
    private final CatalogTable found;
    private final String subject;

    CleanupChecks(Session session, OutboxTable table, AfterDelivery after, CatalogTable found) {
        this.session = session;
        this.table = table;
        this.after = after;
        this.found = found;
        this.subject = "after-delivery";
    }

    /** The column by which rows are found again. */
    static String key(OutboxTable table) {
        return table.columns().seq().orElse(table.columns().id());
    }

    /** The columns of the event, and the one by which its row is found again, if it is. */
    static List<String> columnsToRead(OutboxTable table, AfterDelivery after) {
        boolean cleansUp = after.action() == Action.DELETE || after.action() == Action.MARK;
        return Stream.concat(table.columns().ofEvent().stream(), cleansUp ? Stream.of(key(table)) : Stream.empty())
                .distinct()
                .toList();
    }

    List<Finding> findings() throws SQLException {
        return findings(true);
    }

    /** Without a look at the index, which a reader of the table needs in any case: see {@link QueueChecks}. */
    List<Finding> ofQueue() throws SQLException {
        return findings(false);
    }

    private List<Finding> findings(boolean withKey) throws SQLException {
        List<Finding> findings = new ArrayList<>();
        switch (after.action()) {
            case KEEP -> {
                return findings;
            }
            case DELETE, DROP_PARTITION -> delete(findings);
            case MARK -> mark(findings);
        }
        if (withKey) {
            key(findings);
        }
        if (findings.isEmpty()) {
            findings.add(Finding.ok(
                    subject,
                    session.role() + " may " + (after.action() == Action.MARK ? "mark" : "delete") + " settled rows"));
        }
        return findings;
    }

    private void delete(List<Finding> findings) throws SQLException {
        try (PreparedStatement query = session.query(MAY_DELETE, found.oid());
                ResultSet row = query.executeQuery()) {
            row.next();
            if (!row.getBoolean(1)) {
                findings.add(Finding.error(
                        Code.DELETE_RIGHT_MISSING,
                        subject,
                        session.role() + " may not delete rows of " + table + ".",
                        "GRANT DELETE ON " + table.quoted() + " TO " + session.quotedRole() + ";"));
            }
        }
    }

    private void mark(List<Finding> findings) throws SQLException {
        String name = after.markColumn();
        String quoted = Identifier.quote(name);
        CatalogTable.Column column = found.columns().get(name);
        if (column == null) {
            findings.add(Finding.error(
                    Code.MARK_COLUMN_MISSING,
                    subject,
                    table + " has no column " + name + ", which mark sets to the time of the delivery.",
                    "ALTER TABLE " + table.quoted() + " ADD COLUMN " + quoted + " timestamptz; GRANT UPDATE (" + quoted
                            + ") ON " + table.quoted() + " TO " + session.quotedRole()
                            + "; CREATE INDEX ON " + table.quoted() + " (" + Identifier.quote(key(table)) + ") WHERE "
                            + quoted + " IS NULL; -- or name the right one in outbox.cleanup.mark-column"));
            return;
        }
        if (!column.baseType().startsWith("timestamp")) {
            findings.add(Finding.error(
                    Code.MARK_COLUMN_TYPE,
                    subject,
                    "column " + name + " of " + table + " is of type " + column.type() + ", which holds no time.",
                    "Name a column of type timestamptz in outbox.cleanup.mark-column."));
        }
        try (PreparedStatement query = session.query(MAY_MARK, found.oid(), column.number());
                ResultSet row = query.executeQuery()) {
            row.next();
            if (!row.getBoolean(1)) {
                findings.add(Finding.error(
                        Code.MARK_RIGHT_MISSING,
                        subject,
                        session.role() + " may not update column " + name + " of " + table + ".",
                        "GRANT UPDATE (" + quoted + ") ON " + table.quoted() + " TO " + session.quotedRole() + ";"));
            }
        }
        try (PreparedStatement query = session.query(GUARDED, found.oid(), Integer.toString(column.number()));
                ResultSet row = query.executeQuery()) {
            if (row.next()) {
                findings.add(Finding.warning(
                        Code.MARK_TRIGGER,
                        subject,
                        "the trigger " + row.getString(1) + " fires when " + name + " is set; if it refuses, nothing is"
                                + " marked.",
                        "Let the trigger fire for other columns alone: BEFORE UPDATE OF ..."));
            }
        }
    }

    private void key(List<Finding> findings) throws SQLException {
        String name = key(table);
        CatalogTable.Column column = found.columns().get(name);
        if (column == null) {
            if (table.columns().seq().isPresent()) {
                findings.add(Finding.error(
                        Code.ORDER_COLUMN_MISSING,
                        subject,
                        table + " has no column " + name + ", by which settled rows are found.",
                        "Set outbox.columns.seq = \"\", or to the right name."));
            }
            return;
        }
        if (table.columns().seq().isPresent()) {
            Optional<Finding> unusable = QueueChecks.type(table, subject, name, column);
            if (unusable.isPresent()) {
                findings.add(unusable.get());
                return;
            }
        }
        try (PreparedStatement query = session.query(INDEXED, found.oid(), column.number());
                ResultSet row = query.executeQuery()) {
            row.next();
            if (!row.getBoolean(1)) {
                findings.add(Finding.warning(
                        Code.ORDER_INDEX_MISSING,
                        subject,
                        table + " has no index on " + name + ": each statement that cleans up reads the whole table.",
                        "CREATE INDEX ON " + table.quoted() + " (" + Identifier.quote(name) + ");"));
            }
        }
    }
}
