package io.outboxrelay.postgres;

import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

import io.outboxrelay.api.AfterDelivery;
import io.outboxrelay.api.AfterDelivery.Action;
import io.outboxrelay.api.Code;
import io.outboxrelay.api.Finding;
import io.outboxrelay.schema.Identifier;
import io.outboxrelay.schema.OutboxTable;

/** Whether the publication lets every inserted row through, whole. */
final class PublicationChecks {

    /** Versions as {@code server_version_num} has them. */
    private static final int FILTERS_AND_SCHEMAS = 150000;

    private static final int GENERATED_COLUMNS = 180000;

    private static final String ONLY_OURS =
            " -- if nobody else reads this publication; otherwise make one of its own for the relay";

    private final Session session;
    private final OutboxTable table;
    private final CatalogTable found;
    private final AfterDelivery after;
    private final String publication;
    private final String subject;
    private final String quoted;

    PublicationChecks(Session session, OutboxTable table, CatalogTable found, AfterDelivery after, String publication) {
        this.session = session;
        this.table = table;
        this.found = found;
        this.after = after;
        this.publication = publication;
        this.subject = "publication " + publication;
        this.quoted = Identifier.quote(publication);
    }

    List<Finding> findings() throws SQLException {
        List<Finding> findings = new ArrayList<>();
        String generated = session.version() >= GENERATED_COLUMNS ? "pubgencols = 's'" : "false";
        String sql = "SELECT oid, puballtables, pubinsert, pubupdate, pubdelete, pubtruncate, pubviaroot, " + generated
                + " FROM pg_publication WHERE pubname = ?";
        try (PreparedStatement query = session.query(sql, publication);
                ResultSet row = query.executeQuery()) {
            if (!row.next()) {
                return List.of(Finding.error(
                        Code.PUBLICATION_MISSING,
                        subject,
                        "does not exist in database " + session.database() + ".",
                        "CREATE PUBLICATION " + quoted + " FOR TABLE " + table.quoted() + " WITH (publish = 'insert'"
                                + (found.isPartitioned() ? ", publish_via_partition_root = true" : "") + ");"));
            }
            List<String> columnList = cover(findings, row.getLong(1), row.getBoolean(2));
            operations(findings, row);
            if (found.isPartitioned() && !row.getBoolean(7)) {
                findings.add(Finding.error(
                        Code.PUBLICATION_NAMES_PARTITIONS,
                        subject,
                        "publishes the partitions of " + table + " under their own names.",
                        "ALTER PUBLICATION " + quoted + " SET (publish_via_partition_root = true);"));
            }
            generatedColumns(findings, row.getBoolean(8), columnList);
        }
        if (findings.isEmpty()) {
            findings.add(Finding.ok(subject, "publishes the inserts of " + table));
        }
        return findings;
    }

    /** Returns the numbers of the columns that the publication lists for the table; empty where it lists none. */
    private List<String> cover(List<Finding> findings, long oid, boolean all) throws SQLException {
        if (all || throughSchema(oid)) {
            return List.of();
        }
        String details = session.version() >= FILTERS_AND_SCHEMAS
                ? "pg_get_expr(prqual, prrelid), prattrs::text"
                : "NULL::text, NULL::text";
        String sql = "SELECT " + details + " FROM pg_publication_rel WHERE prpubid = ? AND prrelid = ?";
        try (PreparedStatement query = session.query(sql, oid, found.oid());
                ResultSet row = query.executeQuery()) {
            if (!row.next()) {
                findings.add(Finding.error(
                        Code.PUBLICATION_LACKS_TABLE,
                        subject,
                        "does not publish " + table + ".",
                        "ALTER PUBLICATION " + quoted + " ADD TABLE " + table.quoted() + ";"));
                return List.of();
            }
            String again = "BEGIN; ALTER PUBLICATION " + quoted + " DROP TABLE " + table.quoted()
                    + "; ALTER PUBLICATION " + quoted + " ADD TABLE " + table.quoted() + "; COMMIT;";
            if (row.getString(1) != null) {
                findings.add(Finding.error(
                        Code.PUBLICATION_FILTERS_ROWS,
                        subject,
                        "publishes only rows of " + table + " where " + row.getString(1) + ".",
                        again + ONLY_OURS));
            }
            if (row.getString(2) == null) {
                return List.of();
            }
            List<String> listed = Arrays.asList(row.getString(2).split(" "));
            List<String> left = CleanupChecks.columnsToRead(table, after).stream()
                    .filter(name -> found.columns().containsKey(name))
                    .filter(name -> !listed.contains(
                            Integer.toString(found.columns().get(name).number())))
                    .toList();
            if (!left.isEmpty()) {
                findings.add(Finding.error(
                        Code.PUBLICATION_LACKS_COLUMNS,
                        subject,
                        "leaves out columns of " + table + ": " + String.join(", ", left) + ".",
                        again + ONLY_OURS));
            }
            return listed;
        }
    }

    private boolean throughSchema(long oid) throws SQLException {
        if (session.version() < FILTERS_AND_SCHEMAS) {
            return false;
        }
        String sql = "SELECT FROM pg_publication_namespace WHERE pnpubid = ? AND pnnspid = ?";
        try (PreparedStatement query = session.query(sql, oid, found.schemaOid());
                ResultSet row = query.executeQuery()) {
            return row.next();
        }
    }

    private void operations(List<Finding> findings, ResultSet row) throws SQLException {
        String remedy = "ALTER PUBLICATION " + quoted + " SET (publish = 'insert');" + ONLY_OURS;
        if (!row.getBoolean("pubinsert")) {
            findings.add(Finding.error(Code.PUBLICATION_LACKS_INSERTS, subject, "does not publish inserts.", remedy));
        }
        List<String> more = new ArrayList<>();
        for (String operation : List.of("update", "delete", "truncate")) {
            if (row.getBoolean("pub" + operation)) {
                more.add(operation);
            }
        }
        if (after.action() == Action.MARK && more.contains("update")) {
            findings.add(Finding.error(
                    Code.PUBLICATION_HAS_MORE,
                    subject,
                    "publishes updates, and after-delivery = mark updates every row: each would pass through the log twice.",
                    remedy));
        } else if (!more.isEmpty()) {
            findings.add(Finding.warning(
                    Code.PUBLICATION_HAS_MORE,
                    subject,
                    "publishes more than inserts: " + String.join(", ", more)
                            + ". The relay has no use for them, and reports each update as an error.",
                    remedy));
        }
    }

    private void generatedColumns(List<Finding> findings, boolean stored, List<String> columnList) {
        for (String name : table.columns().ofEvent()) {
            CatalogTable.Column column = found.columns().get(name);
            if (column == null || column.generated() == '\0') {
                continue;
            }
            boolean virtual = column.generated() == 'v';
            boolean canBePublished = !virtual && session.version() >= GENERATED_COLUMNS;
            if (canBePublished && (stored || columnList.contains(Integer.toString(column.number())))) {
                continue;
            }
            String remedy = "ALTER TABLE " + table.quoted() + " ALTER COLUMN " + Identifier.quote(name)
                    + " DROP EXPRESSION; -- and let the service write it";
            if (canBePublished) {
                remedy = "ALTER PUBLICATION " + quoted + " SET (publish_generated_columns = stored);";
            } else if (virtual) {
                remedy = "Make " + name + " a plain column that the service writes.";
            }
            findings.add(Finding.error(
                    Code.PUBLICATION_LACKS_COLUMNS,
                    subject,
                    "leaves out the generated column " + name + " of " + table + ".",
                    remedy));
        }
    }
}
