package io.outboxrelay.postgres;

import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;

import io.outboxrelay.api.Finding;
import io.outboxrelay.schema.Identifier;
import io.outboxrelay.schema.SchemaScript;

/** Whether the relay's own tables are there and may be written. */
final class RelayTables {

    private static final List<String> NAMES = List.of("outbox_relay_checkpoint", "outbox_relay_request");

    private static final String RIGHTS = """
            SELECT has_schema_privilege(n.oid, 'USAGE')
               AND has_table_privilege(c.oid, 'SELECT') AND has_table_privilege(c.oid, 'INSERT')
               AND has_table_privilege(c.oid, 'UPDATE') AND has_table_privilege(c.oid, 'DELETE')
            FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE n.nspname = ? AND c.relname = ?""";

    private RelayTables() {}

    static Finding finding(Session session, String schema) throws SQLException {
        String subject = "relay tables";
        List<String> missing = new ArrayList<>();
        List<String> closed = new ArrayList<>();
        for (String name : NAMES) {
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
                    subject,
                    String.join(" and ", missing) + " not found.",
                    "Run " + SchemaScript.RELAY.path() + " with search_path set to the schema " + schema + ".");
        }
        if (!closed.isEmpty()) {
            String tables = String.join(", ", closed);
            return Finding.error(
                    subject,
                    session.role() + " may not read and write " + tables + ".",
                    "GRANT USAGE ON SCHEMA " + Identifier.quote(schema) + " TO " + session.quotedRole()
                            + "; GRANT SELECT, INSERT, UPDATE, DELETE ON " + tables + " TO " + session.quotedRole()
                            + ";");
        }
        return Finding.ok(subject, "are there, and " + session.role() + " may write them");
    }
}
