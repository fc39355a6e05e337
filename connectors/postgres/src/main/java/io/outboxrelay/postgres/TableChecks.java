package io.outboxrelay.postgres;

import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;

import io.outboxrelay.api.AfterDelivery;
import io.outboxrelay.api.Code;
import io.outboxrelay.api.Finding;
import io.outboxrelay.schema.Identifier;
import io.outboxrelay.schema.OutboxColumns;
import io.outboxrelay.schema.OutboxTable;
import io.outboxrelay.schema.SchemaScript;

/** What of the table decides whether its rows reach the log, and can be read from it. */
final class TableChecks {

    /** Types whose text is a name or a number, by {@code typname}. */
    private static final Set<String> NAMES =
            Set.of("text", "varchar", "bpchar", "name", "citext", "uuid", "int2", "int4", "int8", "enum");

    private static final Set<String> PAYLOADS = Set.of("jsonb", "json", "text", "varchar", "bytea");
    private static final Set<String> TIMES = Set.of("timestamptz", "timestamp");
    private static final Set<String> HEADERS = Set.of("jsonb", "json", "text", "varchar");

    private static final String ALIKE = """
            SELECT format('%I.%I', n.nspname, c.relname)
            FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE lower(c.relname) = lower(?) AND c.relkind IN ('r', 'p')
            ORDER BY lower(n.nspname) = lower(?) DESC, 1 LIMIT 1""";

    private static final String UNLOGGED = """
            SELECT format('%I.%I', n.nspname, c.relname)
            FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE c.relpersistence = 'u' AND c.relkind = 'r'
              AND (c.oid = ? OR c.oid IN (SELECT relid FROM pg_partition_tree(?::oid::regclass)))
            ORDER BY 1""";

    private static final String HIDDEN = """
            WITH mine AS (SELECT * FROM pg_policy p
                          WHERE polrelid = ? AND polcmd IN (?::"char", '*')
                            AND EXISTS (SELECT FROM unnest(polroles) r
                                        WHERE r = 0 OR pg_has_role(current_user, r, 'USAGE')))
            SELECT row_security_active(?::oid)
               AND NOT (EXISTS (SELECT FROM mine WHERE polpermissive AND pg_get_expr(polqual, polrelid) = 'true')
                        AND NOT EXISTS (SELECT FROM mine WHERE NOT polpermissive)),
                   EXISTS (SELECT FROM mine WHERE NOT polpermissive)""";

    // A sequence belongs to its column (identity, serial, OWNED BY), or the column's default calls it.
    private static final String SEQUENCES = """
            SELECT format('%I.%I', n.nspname, c.relname), s.seqcache
            FROM pg_sequence s JOIN pg_class c ON c.oid = s.seqrelid JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE s.seqcache > 1
              AND (EXISTS (SELECT FROM pg_depend d
                           WHERE d.classid = 'pg_class'::regclass AND d.objid = s.seqrelid
                             AND d.refclassid = 'pg_class'::regclass AND d.refobjid = ? AND d.refobjsubid = ?)
                OR EXISTS (SELECT FROM pg_depend d JOIN pg_attrdef f ON f.oid = d.objid
                           WHERE d.classid = 'pg_attrdef'::regclass AND d.refclassid = 'pg_class'::regclass
                             AND d.refobjid = s.seqrelid AND f.adrelid = ? AND f.adnum = ?))""";

    private final Session session;
    private final OutboxTable table;
    private final AfterDelivery after;
    private final CatalogTable found;
    private final String subject;
    private final boolean isQueue;

    /** For a reader of the log. */
    TableChecks(Session session, OutboxTable table, AfterDelivery after, CatalogTable found) {
        this(session, table, after, found, false);
    }

    private TableChecks(Session session, OutboxTable table, AfterDelivery after, CatalogTable found, boolean isQueue) {
        this.session = session;
        this.table = table;
        this.after = after;
        this.found = found;
        this.subject = subject(table);
        this.isQueue = isQueue;
    }

    /** For a reader of the table. */
    static TableChecks ofQueue(Session session, OutboxTable table, AfterDelivery after, CatalogTable found) {
        return new TableChecks(session, table, after, found, true);
    }

    List<Finding> findings() throws SQLException {
        List<Finding> findings = new ArrayList<>();
        if (found.partitionRoot() != null) {
            findings.add(Finding.error(
                    Code.OUTBOX_IS_PARTITION,
                    subject,
                    "is one partition of " + found.partitionRoot()
                            + (isQueue ? ": the others would not be read." : ", and the log names the whole table."),
                    "Name " + found.partitionRoot() + " in outbox.schema and outbox.table."));
        }
        if (!isQueue) {
            unlogged(findings);
        }
        columns(findings);
        if (findings.isEmpty()) {
            findings.add(Finding.ok(subject, "has the columns it needs"));
        }
        findings.add(right());
        rowSecurity(findings);
        sequence(findings);
        return findings;
    }

    /** What to say where no table is found under the name, or something that is no table. */
    static Finding notATable(Session session, OutboxTable table, Optional<CatalogTable> found) throws SQLException {
        if (found.isPresent()) {
            return Finding.error(
                    Code.OUTBOX_IS_NO_TABLE,
                    subject(table),
                    "is no table, but a view, a foreign table or the like, of which neither the log nor a queue is made.",
                    "Name the table itself in outbox.schema and outbox.table.");
        }
        String remedy = "Run " + SchemaScript.TABLE.path() + ", or name your table in outbox.schema and outbox.table.";
        try (PreparedStatement query = session.query(ALIKE, table.table(), table.schema());
                ResultSet row = query.executeQuery()) {
            String text = "does not exist in database " + session.database() + ".";
            return Finding.error(
                    Code.OUTBOX_NOT_FOUND,
                    subject(table),
                    row.next() ? text + " There is " + row.getString(1) + "." : text,
                    remedy);
        }
    }

    private static String subject(OutboxTable table) {
        return "table " + table;
    }

    private void unlogged(List<Finding> findings) throws SQLException {
        try (PreparedStatement query = session.query(UNLOGGED, found.oid(), found.oid());
                ResultSet row = query.executeQuery()) {
            while (row.next()) {
                findings.add(Finding.error(
                        Code.OUTBOX_UNLOGGED,
                        subject,
                        row.getString(1) + " is unlogged: its rows never reach the log.",
                        "ALTER TABLE " + row.getString(1) + " SET LOGGED; -- rewrites it under an exclusive lock"));
            }
        }
    }

    private void columns(List<Finding> findings) {
        OutboxColumns columns = table.columns();
        column(findings, "id", columns.id(), NAMES, "uuid NOT NULL DEFAULT gen_random_uuid()");
        column(findings, "aggregate-type", columns.aggregateType(), NAMES, "text");
        column(findings, "aggregate-id", columns.aggregateId(), NAMES, "text");
        column(findings, "type", columns.type(), NAMES, "text");
        column(findings, "payload", columns.payload(), PAYLOADS, "jsonb");
        columns.headers().ifPresent(name -> column(findings, "headers", name, HEADERS, "jsonb DEFAULT '{}'"));
        columns.createdAt()
                .filter(name -> isQueue)
                .ifPresent(name -> column(findings, "created-at", name, TIMES, "timestamptz DEFAULT now()"));
        columns.createdAt().filter(name -> !isQueue).ifPresent(name -> unneededColumn(findings, "created-at", name));
        if (after.action() == AfterDelivery.Action.KEEP && !isQueue) {
            columns.seq().ifPresent(name -> unneededColumn(findings, "seq", name));
        }
    }

    private void column(List<Finding> findings, String setting, String name, Set<String> usable, String type) {
        CatalogTable.Column column = found.columns().get(name);
        String alter = "ALTER TABLE " + table.quoted();
        if (column == null) {
            findings.add(Finding.error(
                    Code.OUTBOX_COLUMN_MISSING,
                    subject,
                    "has no column " + name + "; its columns are "
                            + String.join(", ", found.columns().keySet()) + ".",
                    alter + " ADD COLUMN " + Identifier.quote(name) + " " + type
                            + "; -- or name the right one in outbox.columns." + setting));
        } else if (!usable.contains(column.baseType())) {
            String quoted = Identifier.quote(name);
            findings.add(Finding.error(
                    Code.OUTBOX_COLUMN_TYPE,
                    subject,
                    "column " + name + " is of type " + column.type() + "; usable are "
                            + String.join(", ", usable.stream().sorted().toList()) + ".",
                    alter + " ALTER COLUMN " + quoted + " TYPE text USING " + quoted
                            + "::text; -- rewrites the table under an exclusive lock"));
        }
    }

    private void unneededColumn(List<Finding> findings, String setting, String name) {
        if (!found.columns().containsKey(name)) {
            findings.add(Finding.warning(
                    Code.OUTBOX_COLUMN_MISSING,
                    subject,
                    "has no column " + name + ". The log can do without it.",
                    "Set outbox.columns." + setting + " = \"\", or to the right name."));
        }
    }

    private Finding right() throws SQLException {
        boolean usage;
        try (PreparedStatement query =
                        session.query("SELECT has_schema_privilege(?::oid, 'USAGE')", found.schemaOid());
                ResultSet row = query.executeQuery()) {
            row.next();
            usage = row.getBoolean(1);
        }
        List<String> needed =
                isQueue ? QueueChecks.columnsToRead(table, after) : CleanupChecks.columnsToRead(table, after);
        List<String> hidden = found.columns().entrySet().stream()
                .filter(column -> needed.contains(column.getKey()))
                .filter(column -> !column.getValue().readable())
                .map(column -> column.getKey())
                .toList();
        if (usage && hidden.isEmpty()) {
            return Finding.ok(subject, "may be read by " + session.role());
        }
        return Finding.error(
                Code.OUTBOX_NOT_READABLE,
                subject,
                session.role() + " may not read "
                        + (usage ? "its columns " + String.join(", ", hidden) : "anything in schema " + table.schema())
                        + ".",
                "GRANT USAGE ON SCHEMA " + Identifier.quote(table.schema()) + " TO " + session.quotedRole()
                        + "; GRANT SELECT ON " + table.quoted() + " TO " + session.quotedRole() + ";");
    }

    private void rowSecurity(List<Finding> findings) throws SQLException {
        if (isQueue) {
            String change = after.action() == AfterDelivery.Action.MARK ? "w" : "d";
            if (isRestricted("r").isPresent() || isRestricted(change).isPresent()) {
                boolean isStrict =
                        isRestricted("r").orElse(false) || isRestricted(change).orElse(false);
                findings.add(Finding.error(
                        Code.ROW_SECURITY,
                        subject,
                        "row-level security may hide rows from " + session.role()
                                + ", or keep it from removing them: what is hidden is never sent.",
                        isStrict ? bypass() : policy("outbox_relay_polls_all", "ALL")));
            }
            return;
        }
        Optional<Boolean> restricted = isRestricted("r");
        if (restricted.isPresent()) {
            findings.add(Finding.warning(
                    Code.ROW_SECURITY,
                    subject,
                    "row-level security may hide rows from " + session.role()
                            + ": the log shows them all, so table and log cannot be compared.",
                    restricted.get() ? bypass() : policy("outbox_relay_reads_all", "SELECT")));
        }
    }

    /** Empty if the role may do it with every row; else whether a policy that restricts others stands in the way. */
    private Optional<Boolean> isRestricted(String command) throws SQLException {
        try (PreparedStatement query = session.query(HIDDEN, found.oid(), command, found.oid());
                ResultSet row = query.executeQuery()) {
            row.next();
            return row.getBoolean(1) ? Optional.of(row.getBoolean(2)) : Optional.empty();
        }
    }

    private String bypass() {
        return "ALTER ROLE " + session.quotedRole() + " BYPASSRLS;";
    }

    private String policy(String name, String command) {
        return "CREATE POLICY " + name + " ON " + table.quoted() + " FOR " + command + " TO " + session.quotedRole()
                + " USING (true);";
    }

    private void sequence(List<Finding> findings) throws SQLException {
        CatalogTable.Column seq =
                table.columns().seq().map(found.columns()::get).orElse(null);
        if (seq == null) {
            return;
        }
        try (PreparedStatement query = session.query(SEQUENCES, found.oid(), seq.number(), found.oid(), seq.number());
                ResultSet row = query.executeQuery()) {
            while (row.next()) {
                findings.add(Finding.warning(
                        Code.SEQUENCE_CACHES,
                        subject,
                        "the sequence " + row.getString(1) + " caches " + row.getLong(2)
                                + " numbers in each session: their order is not the order of the inserts.",
                        "ALTER SEQUENCE " + row.getString(1) + " CACHE 1;"));
            }
        }
    }
}
