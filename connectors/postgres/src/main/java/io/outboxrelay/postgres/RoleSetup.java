package io.outboxrelay.postgres;

import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.Optional;

import io.outboxrelay.schema.Identifier;
import io.outboxrelay.schema.OutboxTable;

/** What of the relay's role no script can tell: how it may replicate here, and whose tables it may drop. */
final class RoleSetup {

    private static final String MAY_REPLICATE = """
            SELECT coalesce((SELECT rolreplication OR rolsuper FROM pg_roles WHERE rolname = ?), false)
                OR EXISTS (SELECT FROM pg_roles m JOIN pg_roles r ON r.rolname = 'rds_replication'
                           WHERE m.rolname = ? AND pg_has_role(m.oid, r.oid, 'MEMBER'))""";

    private static final String LENDS_REPLICATION =
            "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = 'rds_replication')";

    private static final String OWNER = """
            SELECT o.rolname, o.rolsuper, coalesce(pg_has_role(to_regrole(?)::oid, o.oid, 'MEMBER'), false)
            FROM pg_roles o
            WHERE o.oid = coalesce((SELECT relowner FROM pg_class WHERE oid = to_regclass(?)), current_user::regrole::oid)""";

    private static final String EXISTS = "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = ?)";

    private final String role;

    RoleSetup(String role) {
        this.role = role;
    }

    /** For a role that is there, and was made without the right to replicate. */
    Optional<SetupStep> replication(Session session) throws SQLException {
        return session.isTrue(EXISTS, role) && !session.isTrue(MAY_REPLICATE, role, role)
                ? Optional.of(grant(lendsReplication(session)))
                : Optional.empty();
    }

    /** Amazon RDS lends the right through membership, and lets nobody give the attribute. */
    boolean lendsReplication(Session session) throws SQLException {
        return session.isTrue(LENDS_REPLICATION);
    }

    /** What gives the right to replicate. */
    SetupStep grant(boolean lent) {
        return new SetupStep(
                "right of " + role + " to replicate",
                lent
                        ? "GRANT rds_replication TO " + Identifier.quote(role) + ";"
                        : "ALTER ROLE " + Identifier.quote(role) + " REPLICATION;",
                SetupStep.Kind.STATEMENT);
    }

    /** What is to be done for a role that drops partitions. Nobody should make a role a superuser by a setting of the relay, so this is said and not done. */
    Optional<String> ownership(OutboxTable table, Optional<Session> session) throws SQLException {
        String why = "outbox.after-delivery = drop-partition: only who owns the outbox may drop its partitions. ";
        if (session.isEmpty()) {
            return Optional.of(why + "Make " + role + " a member of that role.");
        }
        try (PreparedStatement query = session.get().query(OWNER, Identifier.quote(role), table.quoted());
                ResultSet row = query.executeQuery()) {
            if (!row.next() || row.getBoolean(3)) {
                return Optional.empty();
            }
            return Optional.of(why
                    + (row.getBoolean(2)
                            ? "Its owner is the superuser " + row.getString(1)
                                    + ": give the table to another role, and make " + role + " a member of that."
                            : "GRANT " + Identifier.quote(row.getString(1)) + " TO " + Identifier.quote(role) + ";"));
        }
    }
}
