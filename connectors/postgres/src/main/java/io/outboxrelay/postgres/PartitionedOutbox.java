package io.outboxrelay.postgres;

import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

import io.outboxrelay.schema.Identifier;
import io.outboxrelay.schema.OutboxTable;

/**
 * An outbox that is partitioned by ranges of its {@code seq}, as the catalog has it at one moment.
 *
 * @param oid its number
 * @param owner the role that owns it, quoted for SQL
 * @param next the number that the sequence gives next; empty where the column has no sequence
 * @param partitions its partitions, from the lowest numbers to the highest, the default one last
 */
record PartitionedOutbox(long oid, String owner, OptionalLong next, List<Partition> partitions) {

    /**
     * A partition. One that is being detached is no longer seen through the outbox, except by older snapshots.
     *
     * @param oid its number
     * @param schema its schema
     * @param name its name
     * @param isTable whether it is a table rather than a foreign table
     * @param isDetaching whether a DETACH … CONCURRENTLY was begun and has not ended
     * @param isDefault whether it takes what no other partition takes
     * @param lower its first number; {@link Long#MIN_VALUE} for no limit
     * @param upper the number behind its last; {@link Long#MAX_VALUE} for no limit
     */
    record Partition(
            long oid,
            String schema,
            String name,
            boolean isTable,
            boolean isDetaching,
            boolean isDefault,
            long lower,
            long upper) {

        String quoted() {
            return Identifier.quote(schema) + "." + Identifier.quote(name);
        }

        boolean holds(long number) {
            return !isDefault && lower <= number && number < upper;
        }

        /** As {@code schema.table}, for people and for the relay's own table. */
        @Override
        public String toString() {
            return schema + "." + name;
        }
    }

    private static final Pattern RANGE =
            Pattern.compile("FOR VALUES FROM \\('?(-?\\d+|MINVALUE)'?\\) TO \\('?(-?\\d+|MAXVALUE)'?\\)");

    /** Number, owner and the number of the column, of a table that is partitioned as it must be. */
    static final String ROOT = """
            SELECT c.oid, quote_ident(r.rolname), a.attnum
            FROM pg_class c
            JOIN pg_namespace n ON n.oid = c.relnamespace
            JOIN pg_roles r ON r.oid = c.relowner
            JOIN pg_partitioned_table p ON p.partrelid = c.oid
            JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = ? AND a.attnum > 0
            WHERE n.nspname = ? AND c.relname = ? AND NOT c.relispartition
              AND p.partstrat = 'r' AND p.partnatts = 1 AND p.partattrs[0] = a.attnum
              AND a.atttypid IN ('int8'::regtype, 'int4'::regtype)""";

    private static final String PARTITIONS = """
            SELECT c.oid, n.nspname, c.relname, c.relkind IN ('r', 'p'), i.inhdetachpending,
                   pg_get_expr(c.relpartbound, c.oid)
            FROM pg_inherits i
            JOIN pg_class c ON c.oid = i.inhrelid
            JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE i.inhparent = ?""";

    // The sequence that the column's default calls, else the one that belongs to the column (identity, OWNED BY).
    private static final String SEQUENCE = """
            SELECT format('%I.%I', n.nspname, c.relname), s.seqincrement
            FROM pg_sequence s JOIN pg_class c ON c.oid = s.seqrelid JOIN pg_namespace n ON n.oid = c.relnamespace
            JOIN pg_attribute a ON a.attrelid = ? AND a.attnum = ?
            CROSS JOIN LATERAL (
                SELECT EXISTS (SELECT FROM pg_depend d JOIN pg_attrdef f ON f.oid = d.objid
                               WHERE d.classid = 'pg_attrdef'::regclass AND d.refclassid = 'pg_class'::regclass
                                 AND d.refobjid = s.seqrelid AND f.adrelid = a.attrelid AND f.adnum = a.attnum) AS called,
                       a.attidentity <> '' AND EXISTS (
                               SELECT FROM pg_depend d
                               WHERE d.classid = 'pg_class'::regclass AND d.objid = s.seqrelid
                                 AND d.refclassid = 'pg_class'::regclass AND d.refobjid = a.attrelid
                                 AND d.refobjsubid = a.attnum) AS owned) of_column
            WHERE (called OR owned) AND s.seqincrement > 0
            ORDER BY called DESC LIMIT 1""";

    /** Empty unless the table is partitioned by ranges of that one column. */
    static Optional<PartitionedOutbox> read(Session session, OutboxTable table) throws SQLException {
        if (table.columns().seq().isEmpty()) {
            return Optional.empty();
        }
        String seq = table.columns().seq().get();
        try (PreparedStatement query = session.query(ROOT, seq, table.schema(), table.table());
                ResultSet row = query.executeQuery()) {
            if (!row.next()) {
                return Optional.empty();
            }
            long oid = row.getLong(1);
            OptionalLong next = next(session, oid, row.getInt(3));
            return Optional.of(new PartitionedOutbox(oid, row.getString(2), next, partitions(session, oid)));
        }
    }

    /** The number behind the last one that has a partition; the lowest of all where there is none. */
    long end() {
        return partitions.stream()
                .filter(partition -> !partition.isDefault())
                .mapToLong(Partition::upper)
                .max()
                .orElse(Long.MIN_VALUE);
    }

    Optional<Partition> defaultPartition() {
        return partitions.stream().filter(Partition::isDefault).findFirst();
    }

    /** Partitions that lie wholly behind the numbers to come, from the lowest to the highest. */
    List<Partition> behind() {
        return next.isEmpty()
                ? List.of()
                : partitions.stream()
                        .filter(partition -> !partition.isDefault() && partition.upper() <= next.getAsLong())
                        .toList();
    }

    /** How many partitions hold none but numbers to come. */
    long ahead() {
        return partitions.stream()
                .filter(partition -> !partition.isDefault() && partition.lower() > next.orElse(Long.MAX_VALUE))
                .count();
    }

    private static List<Partition> partitions(Session session, long root) throws SQLException {
        List<Partition> partitions = new ArrayList<>();
        try (PreparedStatement query = session.query(PARTITIONS, root);
                ResultSet row = query.executeQuery()) {
            while (row.next()) {
                Matcher range = RANGE.matcher(row.getString(6));
                boolean isRange = range.matches();
                partitions.add(new Partition(
                        row.getLong(1),
                        row.getString(2),
                        row.getString(3),
                        row.getBoolean(4),
                        row.getBoolean(5),
                        !isRange,
                        isRange ? bound(range.group(1)) : Long.MAX_VALUE,
                        isRange ? bound(range.group(2)) : Long.MAX_VALUE));
            }
        }
        partitions.sort(Comparator.comparingLong(Partition::lower).thenComparing(Partition::isDefault));
        return List.copyOf(partitions);
    }

    private static long bound(String text) {
        return switch (text) {
            case "MINVALUE" -> Long.MIN_VALUE;
            case "MAXVALUE" -> Long.MAX_VALUE;
            default -> Long.parseLong(text);
        };
    }

    private static OptionalLong next(Session session, long root, int column) throws SQLException {
        String sequence;
        long increment;
        try (PreparedStatement query = session.query(SEQUENCE, root, column);
                ResultSet row = query.executeQuery()) {
            if (!row.next()) {
                return OptionalLong.empty();
            }
            sequence = row.getString(1);
            increment = row.getLong(2);
        }
        // Not pg_sequence_last_value(): without the right to know, it answers as if no number had been taken.
        try (PreparedStatement query = session.query("SELECT last_value, is_called FROM " + sequence);
                ResultSet row = query.executeQuery()) {
            row.next();
            return OptionalLong.of(row.getLong(1) + (row.getBoolean(2) ? increment : 0));
        }
    }
}
