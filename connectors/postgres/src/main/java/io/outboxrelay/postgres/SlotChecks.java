package io.outboxrelay.postgres;

import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;

import io.outboxrelay.api.AfterDelivery;
import io.outboxrelay.api.Code;
import io.outboxrelay.api.Finding;

/** Whether the slot is one that the relay can read, and how long the server keeps the log for it. */
final class SlotChecks {

    private static final int FAILOVER_AND_REASONS = 170000;

    private static final String LIMITS = """
            SELECT name, setting, current_setting(name) FROM pg_settings
            WHERE name IN ('max_slot_wal_keep_size', 'idle_replication_slot_timeout')
            ORDER BY name DESC""";

    private final Session session;
    private final String slot;
    private final boolean failover;
    private final boolean tableIsQueue;
    private final String subject;

    SlotChecks(Session session, LogSettings settings, AfterDelivery after) {
        this.session = session;
        this.slot = settings.slot();
        this.failover = settings.failover();
        this.tableIsQueue = after.tableIsQueue();
        this.subject = "slot " + slot;
    }

    List<Finding> findings() throws SQLException {
        List<Finding> findings = new ArrayList<>();
        slot(findings);
        limits(findings);
        return findings;
    }

    private void slot(List<Finding> findings) throws SQLException {
        boolean since17 = session.version() >= FAILOVER_AND_REASONS;
        if (failover && !since17) {
            findings.add(Finding.error(
                    Code.FAILOVER_UNSUPPORTED,
                    subject,
                    "is to be there on a standby too (failover = true), which Postgres knows from version 17 on; this is "
                            + session.version() / 10000 + ".",
                    "Set failover = false, or upgrade the server."));
        }
        String sql = "SELECT slot_type, plugin, database, temporary, two_phase, wal_status, active_pid, "
                + (since17 ? "invalidation_reason, failover" : "NULL::text, false")
                + " FROM pg_replication_slots WHERE slot_name = ?";
        try (PreparedStatement query = session.query(sql, slot);
                ResultSet row = query.executeQuery()) {
            if (!row.next()) {
                findings.add(
                        Finding.ok(
                                subject,
                                "does not exist: a first start, or a return from the table, makes it; otherwise that is a gap"));
                return;
            }
            String drop = "SELECT pg_drop_replication_slot(" + Session.literal(slot) + ");";
            String wrong = wrong(row);
            String status = row.getString("wal_status");
            if (!wrong.isEmpty()) {
                findings.add(Finding.error(
                        Code.SLOT_NOT_OURS,
                        subject,
                        wrong,
                        drop + " -- if nobody reads it; otherwise choose another name for the relay's slot"));
            } else if (row.getBoolean("temporary")) {
                findings.add(Finding.error(
                        Code.SLOT_TEMPORARY,
                        subject,
                        "is temporary: it ends with the session that made it, process " + row.getInt("active_pid")
                                + ".",
                        "SELECT pg_terminate_backend(" + row.getInt("active_pid") + ");"));
            } else if (row.getBoolean("two_phase")) {
                findings.add(Finding.error(
                        Code.SLOT_TWO_PHASE,
                        subject,
                        "was made with two_phase: it would hand over prepared transactions before they commit.",
                        drop + " -- once everything is delivered"
                                + (tableIsQueue ? "; what is not is read from the table" : ": what is not is lost")));
            } else if ("lost".equals(status)) {
                String why = row.getString(8) == null ? "" : " (" + row.getString(8) + ")";
                findings.add(Finding.error(
                        Code.SLOT_LOST,
                        subject,
                        "is lost" + why + ": the server has removed log that was not read yet. "
                                + (tableIsQueue
                                        ? "What it held of the outbox is still in the table."
                                        : "What it held of the outbox can be found by comparing the table with what was"
                                                + " delivered."),
                        drop));
            } else if ("unreserved".equals(status)) {
                findings.add(Finding.warning(
                        Code.SLOT_NEARLY_LOST,
                        subject,
                        "is about to be lost: the log it needs is beyond max_slot_wal_keep_size, and the server's next"
                                + " checkpoint removes it.",
                        "ALTER SYSTEM SET max_slot_wal_keep_size = -1; SELECT pg_reload_conf(); -- until the relay has"
                                + " caught up"));
            } else {
                if (failover && !row.getBoolean(9)) {
                    findings.add(
                            Finding.warning(
                                    Code.SLOT_WITHOUT_FAILOVER,
                                    subject,
                                    "was made without failover: a standby does not get it, and after a failover the relay begins"
                                            + " again with what the table holds.",
                                    drop
                                            + " -- once everything is delivered and the relay is stopped; it then makes a new one"));
                }
                int reader = row.getInt("active_pid");
                findings.add(Finding.ok(subject, reader == 0 ? "is free" : "is being read by process " + reader));
            }
        }
    }

    private String wrong(ResultSet row) throws SQLException {
        if (!row.getString("slot_type").equals("logical")) {
            return "is a physical slot, not a logical one.";
        }
        if (!row.getString("plugin").equals("pgoutput")) {
            return "speaks through the plugin " + row.getString("plugin") + ", not pgoutput.";
        }
        if (!row.getString("database").equals(session.database())) {
            return "belongs to database " + row.getString("database") + ", not " + session.database() + ".";
        }
        return "";
    }

    private void limits(List<Finding> findings) throws SQLException {
        try (PreparedStatement query = session.query(LIMITS);
                ResultSet row = query.executeQuery()) {
            while (row.next()) {
                String name = row.getString(1);
                if (name.equals("max_slot_wal_keep_size")) {
                    findings.add(keepSize(name, row.getLong(2), row.getString(3)));
                } else if (row.getLong(2) != 0) {
                    findings.add(Finding.warning(
                            Code.SLOT_EXPIRES,
                            name,
                            "is " + row.getString(3) + ": a relay that is away longer loses its slot.",
                            "ALTER SYSTEM SET " + name + " = 0; SELECT pg_reload_conf();"));
                }
            }
        }
    }

    private Finding keepSize(String name, long megabytes, String text) {
        if (megabytes >= 0) {
            return Finding.ok(
                    name, "is " + text + ": a relay that falls further behind loses its slot, the disk stays free");
        }
        return Finding.warning(
                Code.SLOT_UNLIMITED,
                name,
                "is unlimited: while the relay is down or its broker is, the log grows until the disk is full and the"
                        + " database stops. With a limit, a relay that falls further behind loses its slot instead"
                        + (tableIsQueue ? ", and goes on with what the table holds." : ", and what was in it."),
                "ALTER SYSTEM SET " + name + " = '50GB'; SELECT pg_reload_conf(); -- what the disk can spare");
    }
}
