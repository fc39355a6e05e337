package io.outboxrelay.postgres;

import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;

import io.outboxrelay.api.Code;
import io.outboxrelay.api.Finding;

/** What of the server and the role decides whether a log can be read at all. */
final class ServerChecks {

    private static final int OLDEST = 14;
    private static final int NEWEST_TESTED = 18;

    private static final String SERVER = """
            SELECT pg_is_in_recovery(), current_setting('wal_level'), current_setting('synchronous_commit'),
                   current_setting('max_replication_slots')::int, (SELECT count(*) FROM pg_replication_slots),
                   current_setting('max_wal_senders')::int, (SELECT count(*) FROM pg_stat_replication),
                   EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = ?),
                   EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = ? AND active)""";

    // Amazon RDS lends replication through membership, not through the attribute.
    private static final String ROLE = """
            SELECT rolreplication OR rolsuper OR EXISTS (
                       SELECT FROM pg_roles r WHERE r.rolname = 'rds_replication'
                                                AND pg_has_role(current_user, r.oid, 'MEMBER'))
            FROM pg_roles WHERE rolname = current_user""";

    private final Session session;
    private final String slot;

    ServerChecks(Session session, String slot) {
        this.session = session;
        this.slot = slot;
    }

    List<Finding> findings() throws SQLException {
        List<Finding> findings = new ArrayList<>();
        findings.add(version(session.version()));
        try (PreparedStatement query = session.query(SERVER, slot, slot);
                ResultSet row = query.executeQuery()) {
            row.next();
            if (row.getBoolean(1)) {
                findings.add(Finding.error(
                        Code.SERVER_IS_STANDBY,
                        "server",
                        "is a standby: the relay cannot write its checkpoint here.",
                        "Name the primary in database.host."));
            }
            findings.add(walLevel(row.getString(2)));
            findings.add(role());
            findings.add(slots(row.getInt(4), row.getInt(5), row.getBoolean(8)));
            findings.add(senders(row.getInt(6), row.getInt(7), row.getBoolean(9)));
            if (row.getString(3).equals("off")) {
                findings.add(
                        Finding.ok(
                                "synchronous_commit",
                                "is off: the log shows a commit only when it is on disk, up to three times wal_writer_delay later."));
            }
        }
        return findings;
    }

    static Finding version(int version) {
        String subject = "server version";
        int major = version / 10000;
        String text = major + "." + version % 10000;
        if (major < OLDEST) {
            return Finding.error(
                    Code.SERVER_TOO_OLD,
                    subject,
                    "is " + text + ", which is too old.",
                    "Move the database to Postgres " + OLDEST + " or newer.");
        }
        if (major > NEWEST_TESTED) {
            return Finding.warning(
                    Code.SERVER_UNTESTED,
                    subject,
                    "is " + text + "; tested are " + OLDEST + " to " + NEWEST_TESTED + ".",
                    "Look for a newer relay, or try this one on a copy of the database first.");
        }
        return Finding.ok(subject, text);
    }

    private static Finding walLevel(String level) {
        if (level.equals("logical")) {
            return Finding.ok("wal_level", level);
        }
        return Finding.error(
                Code.WAL_LEVEL,
                "wal_level",
                "is " + level + ": the log does not hold what logical decoding needs.",
                "ALTER SYSTEM SET wal_level = 'logical'; -- then restart the server; a managed database has a parameter"
                        + " of its own, such as rds.logical_replication");
    }

    private Finding role() throws SQLException {
        String subject = "role " + session.role();
        try (PreparedStatement query = session.query(ROLE);
                ResultSet row = query.executeQuery()) {
            row.next();
            if (row.getBoolean(1)) {
                return Finding.ok(subject, "may replicate");
            }
        }
        return Finding.error(
                Code.REPLICATION_RIGHT,
                subject,
                "has no right to replicate, so it can neither make nor read a slot.",
                "ALTER ROLE " + session.quotedRole() + " REPLICATION; -- on Amazon RDS: GRANT rds_replication TO "
                        + session.quotedRole());
    }

    private Finding slots(int most, int used, boolean ours) {
        String subject = "max_replication_slots";
        if (ours || used < most) {
            return Finding.ok(subject, used + " of " + most + " in use" + (ours ? ", ours among them" : ""));
        }
        return Finding.error(
                Code.SLOTS_USED_UP,
                subject,
                "all " + most + " slots of the server are in use, and the slot " + slot + " is still to be made.",
                "ALTER SYSTEM SET max_replication_slots = " + (used + 2)
                        + "; -- then restart the server; or drop a slot that nobody needs");
    }

    private Finding senders(int most, int used, boolean ours) {
        String subject = "max_wal_senders";
        if (ours || used < most) {
            return Finding.ok(subject, used + " of " + most + " in use" + (ours ? ", ours among them" : ""));
        }
        return Finding.error(
                Code.SENDERS_USED_UP,
                subject,
                "all " + most + " are in use: the log would not be sent to one more reader.",
                "ALTER SYSTEM SET max_wal_senders = " + (used + 2) + "; -- then restart the server");
    }
}
