package io.outboxrelay.postgres;

import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;

import io.outboxrelay.api.AfterDelivery;
import io.outboxrelay.api.Code;
import io.outboxrelay.api.OutboxDatabase;
import io.outboxrelay.schema.Identifier;
import io.outboxrelay.schema.OutboxTable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Makes the partitions for the numbers to come. Used by one thread. */
final class ComingPartitions {

    private static final Logger log = LoggerFactory.getLogger(ComingPartitions.class);

    private final OutboxTable table;
    private final AfterDelivery after;
    private final Attempts attempts;

    ComingPartitions(OutboxDatabase database, Attempts attempts) {
        this.table = database.table();
        this.after = database.afterDelivery();
        this.attempts = attempts;
    }

    /** Whether any was made. */
    boolean makeAhead(Connection connection, PartitionedOutbox outbox) throws SQLException {
        long next = outbox.next().orElseThrow();
        long span = after.partitionRows();
        long end = outbox.end();
        if (end != Long.MIN_VALUE && end <= next) {
            log.error(
                    "{} {} has no partition for {} and the numbers after it: inserts fail until one is made, now."
                            + " Set outbox.partitions.rows or outbox.partitions.ahead higher",
                    Code.PARTITION_NOT_THERE,
                    table,
                    next);
            // Without the partitions that would be empty: their numbers are gone.
            end += Math.floorDiv(next - end, span) * span;
        }
        boolean made = false;
        for (long ahead = outbox.ahead(); ahead < after.partitionsAhead() && end < Long.MAX_VALUE - span; ) {
            long lower = end;
            long upper = (lower == Long.MIN_VALUE ? next : lower) + span;
            if (!attempts.attempt("make a partition of " + table, () -> make(connection, outbox, lower, upper))) {
                return made;
            }
            made = true;
            ahead += lower > next ? 1 : 0;
            end = upper;
        }
        return made;
    }

    /** As a table of its own, attached afterwards: {@code CREATE TABLE … PARTITION OF} would lock out all inserts. */
    private void make(Connection connection, PartitionedOutbox outbox, long lower, long upper) throws SQLException {
        String name = Identifier.quote(table.schema()) + "." + Identifier.quote(freeName(connection, lower));
        connection.setAutoCommit(false);
        try {
            // No default: a detached table must not hold on to the sequence.
            Attempts.execute(
                    connection,
                    "CREATE TABLE " + name + " (LIKE " + table.quoted() + " INCLUDING ALL EXCLUDING DEFAULTS"
                            + " EXCLUDING IDENTITY)");
            Attempts.execute(connection, "ALTER TABLE " + name + " OWNER TO " + outbox.owner());
            Attempts.execute(
                    connection,
                    "ALTER TABLE " + table.quoted() + " ATTACH PARTITION " + name + " FOR VALUES FROM ("
                            + (lower == Long.MIN_VALUE ? "MINVALUE" : lower) + ") TO (" + upper + ")");
            connection.commit();
        } finally {
            if (!connection.isClosed()) {
                connection.rollback();
                connection.setAutoCommit(true);
            }
        }
        log.info("Made {} for the numbers of {} from {} up to {}", name, table, lower, upper - 1);
    }

    /** By its first number, which never comes again; cut where Postgres would cut it. */
    private String freeName(Connection connection, long lower) throws SQLException {
        String base = table.table();
        for (int copy = 1; ; copy++) {
            String suffix = "_p" + (lower == Long.MIN_VALUE ? "0" : lower) + (copy == 1 ? "" : "_" + copy);
            while ((base + suffix).getBytes(StandardCharsets.UTF_8).length > Identifier.MAX_BYTES) {
                base = base.substring(0, base.offsetByCodePoints(base.length(), -1));
            }
            String name = base + suffix;
            try (PreparedStatement query = connection.prepareStatement("SELECT FROM pg_class c"
                    + " JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = ? AND c.relname = ?")) {
                query.setString(1, table.schema());
                query.setString(2, name);
                try (ResultSet row = query.executeQuery()) {
                    if (!row.next()) {
                        return name;
                    }
                }
            }
        }
    }
}
