package io.outboxrelay.relay.ops;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;

import io.outboxrelay.api.OutboxDatabase;
import io.outboxrelay.schema.Identifier;
import io.outboxrelay.schema.SchemaScript;

/**
 * Whether the relay's role may read and write one of the tables of {@link SchemaScript#DEAD_LETTER}.
 *
 * @param schema the outbox's
 * @param name the table's
 * @param access what is allowed
 * @param role who asked, quoted as SQL needs it; empty where there is no table
 */
public record TableRights(String schema, String name, Access access, String role) {

    /** What is allowed. */
    public enum Access {
        /** There is no such table. */
        MISSING,
        /** Some right on it is missing. */
        CLOSED,
        /** It can be read and written. */
        OPEN
    }

    private static final String RIGHTS = """
            SELECT has_schema_privilege(n.oid, 'USAGE')
               AND has_table_privilege(c.oid, 'SELECT') AND has_table_privilege(c.oid, 'INSERT')
               AND has_table_privilege(c.oid, 'UPDATE') AND has_table_privilege(c.oid, 'DELETE'),
               quote_ident(current_user)
            FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE n.nspname = ? AND c.relname = ?
            """;

    /** Asks the database. Changes nothing. */
    public static TableRights of(OutboxDatabase database, String name) throws SQLException {
        String schema = database.table().schema();
        try (Connection connection = database.dataSource().getConnection();
                PreparedStatement select = connection.prepareStatement(RIGHTS)) {
            select.setString(1, schema);
            select.setString(2, name);
            try (ResultSet row = select.executeQuery()) {
                if (!row.next()) {
                    return new TableRights(schema, name, Access.MISSING, "");
                }
                Access access = row.getBoolean(1) ? Access.OPEN : Access.CLOSED;
                return new TableRights(schema, name, access, row.getString(2));
            }
        }
    }

    /** The table's full name as SQL text. */
    public String table() {
        return Identifier.quote(schema) + "." + name;
    }

    /** What is wrong, as a sentence without its end; makes no sense where nothing is. */
    public String problem() {
        return access == Access.MISSING
                ? schema + "." + name + " not found"
                : role + " may not read and write " + table();
    }

    /** What mends a missing table, as a sentence without its end. */
    public String creation() {
        return "Run " + SchemaScript.DEAD_LETTER.path() + " with search_path set to the schema " + schema
                + " and grant the relay's role what roles/relay.sql grants";
    }

    /** The SQL that mends missing rights. */
    public String grant() {
        return "GRANT USAGE ON SCHEMA " + Identifier.quote(schema) + " TO " + role
                + "; GRANT SELECT, INSERT, UPDATE, DELETE ON " + table() + " TO " + role + ";";
    }
}
