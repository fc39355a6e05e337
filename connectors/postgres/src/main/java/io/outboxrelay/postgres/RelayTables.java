package io.outboxrelay.postgres;

import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;

import io.outboxrelay.api.Code;
import io.outboxrelay.api.Finding;
import io.outboxrelay.schema.Identifier;
import io.outboxrelay.schema.SchemaScript;

/** Whether the relay's own tables are there and may be written. {@link PartitionChecks} looks at that of the partitions. */
final class RelayTables {

    private static final String OF_OPERATORS = "outbox_relay_request";
    private static final List<String> NAMES = List.of("outbox_relay_checkpoint", OF_OPERATORS);

    private static final String RIGHTS = """
            SELECT has_schema_privilege(n.oid, 'USAGE')
               AND has_table_privilege(c.oid, 'SELECT') AND has_table_privilege(c.oid, 'INSERT')
               AND has_table_privilege(c.oid, 'UPDATE') AND has_table_privilege(c.oid, 'DELETE')
            FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE n.nspname = ? AND c.relname = ?""";

    private RelayTables() {}

    /** For a reader of the log, which needs both. */
    static Finding finding(Session session, String schema) throws SQLException {
        return finding(session, schema, NAMES);
    }

    /** For a reader of the table, which does without; operators do not. */
    static Finding ofQueue(Session session, String schema) throws SQLException {
        Finding needed = finding(session, schema, List.of(OF_OPERATORS));
        return needed.level() == Finding.Level.OK
                ? needed
                : Finding.warning(
                        needed.code().orElseThrow(),
                        needed.subject(),
                        needed.text() + " Without it nobody can retry or skip a halted event (dead-letters).",
                        needed.remedy());
    }

    private static Finding finding(Session session, String schema, List<String> names) throws SQLException {
        String subject = "relay tables";
        List<String> missing = new ArrayList<>();
        List<String> closed = new ArrayList<>();
        for (String name : names) {
            try (PreparedStatement query = session.query(RIGHTS, schema, name);
                    ResultSet row = query.executeQuery()) {
                if (!row.next()) {
                    missing.add(schema + "." + name);
                } else if (!row.getBoolean(1)) {
                    closed.add(Identifier.quote(schema) + "." + Identifier.quote(name));
                }
            }
        }
        if (!missing.isEmpty()) {
            return Finding.error(
                    Code.RELAY_TABLES_MISSING,
                    subject,
                    String.join(" and ", missing) + " not found.",
                    "Run " + SchemaScript.RELAY.path() + " with search_path set to the schema " + schema + ".");
        }
        if (!closed.isEmpty()) {
            String tables = String.join(", ", closed);
            return Finding.error(
                    Code.RELAY_TABLES_CLOSED,
                    subject,
                    session.role() + " may not read and write " + tables + ".",
                    "GRANT USAGE ON SCHEMA " + Identifier.quote(schema) + " TO " + session.quotedRole()
                            + "; GRANT SELECT, INSERT, UPDATE, DELETE ON " + tables + " TO " + session.quotedRole()
                            + ";");
        }
        return Finding.ok(subject, "are there, and " + session.role() + " may write them");
    }
}
