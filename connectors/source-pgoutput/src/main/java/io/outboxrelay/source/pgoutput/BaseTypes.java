package io.outboxrelay.source.pgoutput;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.Optional;
import javax.sql.DataSource;

/** What types are made of that are no part of Postgres itself: domains, enums, those of extensions. */
@FunctionalInterface
interface BaseTypes {

    /**
     * The name of the type, that of the underlying type for a domain, {@code enum} for any enum; empty if there is no such
     * type any more.
     */
    Optional<String> name(int oid) throws SQLException;

    /** As the catalog has them now. A type is never changed in its kind, only dropped. */
    static BaseTypes of(DataSource database) {
        return oid -> {
            try (Connection connection = database.getConnection();
                    PreparedStatement query = connection.prepareStatement("""
                            WITH RECURSIVE base AS (
                                SELECT typtype, typname, typbasetype FROM pg_type WHERE oid = ?
                              UNION ALL
                                SELECT t.typtype, t.typname, t.typbasetype
                                FROM base b JOIN pg_type t ON t.oid = b.typbasetype WHERE b.typtype = 'd')
                            SELECT CASE WHEN typtype = 'e' THEN 'enum' ELSE typname END
                            FROM base WHERE typtype <> 'd'""")) {
                query.setLong(1, Integer.toUnsignedLong(oid));
                try (ResultSet row = query.executeQuery()) {
                    return row.next() ? Optional.of(row.getString(1)) : Optional.empty();
                }
            }
        };
    }
}
