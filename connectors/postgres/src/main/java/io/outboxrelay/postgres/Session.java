package io.outboxrelay.postgres;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;

import io.outboxrelay.schema.Identifier;

/**
 * A connection, and who it is where.
 *
 * @param version the server's version as a number: 180006 is 18.6
 * @param role the role whose rights count
 * @param database the connected database
 */
record Session(Connection connection, int version, String role, String database) {

    static Session of(Connection connection) throws SQLException {
        try (PreparedStatement query = connection.prepareStatement(
                        "SELECT current_setting('server_version_num')::int, current_user, current_database()");
                ResultSet row = query.executeQuery()) {
            row.next();
            return new Session(connection, row.getInt(1), row.getString(2), row.getString(3));
        }
    }

    /** A query with its parameters set. */
    PreparedStatement query(String sql, Object... parameters) throws SQLException {
        PreparedStatement statement = connection.prepareStatement(sql);
        try {
            for (int i = 0; i < parameters.length; i++) {
                statement.setObject(i + 1, parameters[i]);
            }
            return statement;
        } catch (SQLException | RuntimeException e) {
            statement.close();
            throw e;
        }
    }

    /** The answer to a question that is one. */
    boolean isTrue(String sql, Object... parameters) throws SQLException {
        try (PreparedStatement query = query(sql, parameters);
                ResultSet row = query.executeQuery()) {
            return row.next() && row.getBoolean(1);
        }
    }

    /** The role, quoted for SQL. */
    String quotedRole() {
        return Identifier.quote(role);
    }

    /** A text as an SQL literal. */
    static String literal(String text) {
        return "'" + text.replace("'", "''") + "'";
    }
}
