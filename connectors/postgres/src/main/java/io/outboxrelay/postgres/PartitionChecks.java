package io.outboxrelay.postgres;

import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

import io.outboxrelay.api.AfterDelivery;
import io.outboxrelay.api.Code;
import io.outboxrelay.api.Finding;
import io.outboxrelay.postgres.PartitionedOutbox.Partition;
import io.outboxrelay.schema.Identifier;
import io.outboxrelay.schema.OutboxTable;
import io.outboxrelay.schema.SchemaScript;

/** Whether the partitions of an outbox can be looked after, where {@code after-delivery = drop-partition} asks for it. */
final class PartitionChecks {

    private static final int SET_OPTION = 160000;

    private static final String RECORDS = """
            SELECT has_table_privilege(c.oid, 'SELECT'),
                   has_table_privilege(c.oid, 'INSERT') AND has_table_privilege(c.oid, 'UPDATE')
                   AND has_table_privilege(c.oid, 'DELETE')
            FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE n.nspname = ? AND c.relname = 'outbox_relay_partition'""";

    private static final String OWNERS = """
            SELECT format('%I.%I', n.nspname, c.relname), c.relowner = root.relowner,
                   pg_has_role(c.relowner, 'USAGE') AND {settable},
                   has_schema_privilege(root.relowner, root.relnamespace, 'CREATE')
            FROM pg_class root
            JOIN (SELECT ?::oid AS oid UNION ALL SELECT inhrelid FROM pg_inherits WHERE inhparent = ?) m ON true
            JOIN pg_class c ON c.oid = m.oid
            JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE root.oid = ?
            ORDER BY c.oid = root.oid DESC, c.oid""";

    private static final String CACHES = """
            SELECT format('%I.%I', n.nspname, c.relname), s.seqcache
            FROM pg_sequence s JOIN pg_class c ON c.oid = s.seqrelid JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE s.seqcache > 1
              AND EXISTS (SELECT FROM pg_depend d LEFT JOIN pg_attrdef f ON f.oid = d.objid AND d.classid = 'pg_attrdef'::regclass
                          WHERE (d.objid = s.seqrelid AND d.classid = 'pg_class'::regclass AND d.refobjid = ?)
                             OR (d.refobjid = s.seqrelid AND d.refclassid = 'pg_class'::regclass AND f.adrelid = ?))""";

    private final Session session;
    private final OutboxTable table;
    private final AfterDelivery after;
    private final String subject;

    PartitionChecks(Session session, OutboxTable table, AfterDelivery after) {
        this.session = session;
        this.table = table;
        this.after = after;
        this.subject = "partitions of " + table;
    }

    /** Nothing where no partitions are dropped, unless some were and are left. */
    List<Finding> findings() throws SQLException {
        boolean needed = after.action() == AfterDelivery.Action.DROP_PARTITION;
        List<Finding> findings = new ArrayList<>();
        boolean readable = records(findings);
        if (!needed) {
            return readable ? leftBehind() : List.of();
        }
        Optional<PartitionedOutbox> found = Optional.empty();
        if (owners(findings)) {
            found = PartitionedOutbox.read(session, table);
        }
        if (found.isPresent()) {
            partitions(findings, found.get());
            caches(findings, found.get());
        }
        if (readable) {
            foreign(findings);
        }
        if (findings.isEmpty()) {
            findings.add(Finding.ok(
                    subject, found.map(PartitionedOutbox::ahead).orElse(0L) + " are ahead of the numbers in use"));
        }
        return findings;
    }

    /** Whether the relay's own table is there and may be read. */
    private boolean records(List<Finding> findings) throws SQLException {
        try (PreparedStatement query = session.query(RECORDS, table.schema());
                ResultSet row = query.executeQuery()) {
            String quoted = Identifier.quote(table.schema()) + ".outbox_relay_partition";
            if (!row.next()) {
                findings.add(Finding.error(
                        Code.RELAY_TABLES_MISSING,
                        subject,
                        table.schema() + ".outbox_relay_partition not found.",
                        "Run " + SchemaScript.RELAY.path() + " with search_path set to the schema " + table.schema()
                                + "."));
                return false;
            }
            if (!row.getBoolean(1) || !row.getBoolean(2)) {
                findings.add(Finding.error(
                        Code.RELAY_TABLES_CLOSED,
                        subject,
                        session.role() + " may not read and write " + quoted + ".",
                        "GRANT SELECT, INSERT, UPDATE, DELETE ON " + quoted + " TO " + session.quotedRole() + ";"));
            }
            return row.getBoolean(1);
        }
    }

    /** Whether it is a partitioned table that is ours to change, so that the rest can be asked. */
    private boolean owners(List<Finding> findings) throws SQLException {
        Optional<Long> root = root();
        if (root.isEmpty()) {
            findings.add(Finding.error(
                    Code.PARTITIONS_MISSING,
                    subject,
                    "there are none, or not by ranges of the one column "
                            + table.columns().seq().orElse("seq (outbox.columns.seq names no column)") + ".",
                    "Set outbox.after-delivery = delete, or make the outbox with "
                            + SchemaScript.PARTITIONED_TABLE.path() + "."));
            return false;
        }
        String owner = owner(root.get());
        boolean ours = true;
        String settable = session.version() >= SET_OPTION ? "pg_has_role(c.relowner, 'SET')" : "true";
        try (PreparedStatement query =
                        session.query(OWNERS.replace("{settable}", settable), root.get(), root.get(), root.get());
                ResultSet row = query.executeQuery()) {
            boolean first = true;
            while (row.next()) {
                if (first && !row.getBoolean(3)) {
                    ours = false;
                    findings.add(Finding.error(
                            Code.PARTITIONS_NOT_OWNED,
                            subject,
                            session.role() + " is not a member of " + owner
                                    + ", who owns them: only owners make, detach" + " and drop partitions.",
                            "GRANT " + owner + " TO " + session.quotedRole() + ";"));
                } else if (first && !row.getBoolean(4)) {
                    String schema = Identifier.quote(table.schema());
                    findings.add(Finding.error(
                            Code.PARTITIONS_NOT_OWNED,
                            subject,
                            owner + ", who owns them, may make no table in schema " + table.schema() + ".",
                            "GRANT CREATE ON SCHEMA " + schema + " TO " + owner + ";"));
                } else if (!first && !row.getBoolean(2)) {
                    findings.add(Finding.error(
                            Code.PARTITIONS_NOT_OWNED,
                            subject,
                            row.getString(1) + " does not belong to " + owner + ", who owns the outbox.",
                            "ALTER TABLE " + row.getString(1) + " OWNER TO " + owner + ";"));
                }
                first = false;
            }
        }
        return ours;
    }

    private Optional<Long> root() throws SQLException {
        // What PartitionedOutbox.read() looks for, without the numbers, which not every role may read.
        try (PreparedStatement query = session.query(
                        PartitionedOutbox.ROOT, table.columns().seq().orElse(""), table.schema(), table.table());
                ResultSet row = query.executeQuery()) {
            return row.next() ? Optional.of(row.getLong(1)) : Optional.empty();
        }
    }

    private String owner(long root) throws SQLException {
        try (PreparedStatement query = session.query(
                        "SELECT quote_ident(rolname) FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner"
                                + " WHERE c.oid = ?",
                        root);
                ResultSet row = query.executeQuery()) {
            row.next();
            return row.getString(1);
        }
    }

    private void partitions(List<Finding> findings, PartitionedOutbox outbox) {
        if (outbox.next().isEmpty()) {
            findings.add(Finding.error(
                    Code.PARTITIONS_SEQUENCE,
                    subject,
                    "the column " + table.columns().seq().orElseThrow()
                            + " has no sequence of its own that counts upwards, so nothing tells which numbers are past.",
                    "Set outbox.after-delivery = delete, or give the column a sequence as its default, as "
                            + SchemaScript.PARTITIONED_TABLE.path() + " does."));
            return;
        }
        long next = outbox.next().getAsLong();
        for (Partition partition : outbox.partitions()) {
            if (partition.isDefault()) {
                // Emptied or not, it becomes a partition like the others: nothing in it is sent or lost by that.
                String lower = outbox.end() == Long.MIN_VALUE ? "MINVALUE" : Long.toString(outbox.end());
                long upper = Math.max(next, outbox.end()) + after.partitionRows();
                String alter = "ALTER TABLE " + table.quoted();
                findings.add(Finding.error(
                        Code.PARTITION_DEFAULT,
                        subject,
                        partition + " is a default partition; beside one, none can be detached without stopping the"
                                + " inserts.",
                        "BEGIN; " + alter + " DETACH PARTITION " + partition.quoted() + "; " + alter
                                + " ATTACH PARTITION " + partition.quoted() + " FOR VALUES FROM (" + lower + ") TO ("
                                + upper + "); COMMIT;"));
            } else if (partition.upper() == Long.MAX_VALUE) {
                findings.add(Finding.warning(
                        Code.PARTITION_UNBOUNDED,
                        subject,
                        partition + " has no upper limit: none is made behind it, and it is never dropped.",
                        "Detach it while it is empty; the relay makes partitions of outbox.partitions.rows numbers."));
            } else if (partition.isDetaching()) {
                findings.add(Finding.warning(
                        Code.PARTITION_DETACHING,
                        subject,
                        "the DETACH of " + partition
                                + " was interrupted; no other can begin. The relay ends it if it was" + " its own.",
                        "ALTER TABLE " + table.quoted() + " DETACH PARTITION " + partition.quoted() + " FINALIZE;"));
            }
        }
        if (outbox.partitions().stream().noneMatch(partition -> partition.isDefault() || partition.holds(next))) {
            findings.add(Finding.warning(
                    Code.PARTITION_NOT_THERE,
                    subject,
                    "none is there for the number " + next
                            + ", the next of the sequence: inserts fail until the relay has" + " made it.",
                    "Start the relay."));
        }
    }

    private void caches(List<Finding> findings, PartitionedOutbox outbox) throws SQLException {
        try (PreparedStatement query = session.query(CACHES, outbox.oid(), outbox.oid());
                ResultSet row = query.executeQuery()) {
            while (row.next()) {
                findings.add(Finding.error(
                        Code.SEQUENCE_CACHES,
                        subject,
                        "the sequence " + row.getString(1) + " caches " + row.getLong(2)
                                + " numbers in each session: one that uses them late finds their partition gone.",
                        "ALTER SEQUENCE " + row.getString(1) + " CACHE 1;"));
            }
        }
    }

    private void foreign(List<Finding> findings) throws SQLException {
        for (DetachedPartitions.Entry entry : new DetachedPartitions(table).entries(session.connection())) {
            if (entry.state() == DetachedPartitions.State.FOREIGN) {
                String records = Identifier.quote(table.schema()) + ".outbox_relay_partition";
                String which = " WHERE outbox = " + Session.literal(table.toString()) + " AND partition = "
                        + Session.literal(entry.name());
                findings.add(Finding.error(
                        Code.PARTITION_REPLACED,
                        subject,
                        entry.name()
                                + " was detached and perhaps not drained, but the table of that name is another one"
                                + " now, as after restoring a dump: the relay leaves it alone.",
                        "DELETE FROM " + records + which
                                + "; -- if nothing in it is unsent; otherwise, and if it is the"
                                + " old table restored: UPDATE " + records
                                + " SET table_oid = to_regclass(partition)::oid, detached_lsn = NULL" + which + ";"));
            }
        }
    }

    private List<Finding> leftBehind() throws SQLException {
        List<String> names = new DetachedPartitions(table)
                .entries(session.connection()).stream()
                        .filter(entry -> entry.state() == DetachedPartitions.State.DETACHED
                                || entry.state() == DetachedPartitions.State.DETACHING)
                        .map(DetachedPartitions.Entry::name)
                        .toList();
        return names.isEmpty()
                ? List.of()
                : List.of(Finding.warning(
                        Code.PARTITIONS_LEFT_BEHIND,
                        subject,
                        "detached, not dropped, and looked after by nobody with this outbox.after-delivery: "
                                + String.join(", ", names) + ". What is unsent in them stays unsent.",
                        "Set outbox.after-delivery = drop-partition until outbox_relay_partition is empty."));
    }
}
