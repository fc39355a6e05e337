package io.outboxrelay.postgres;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.HashSet;
import java.util.Set;

import io.outboxrelay.schema.OutboxTable;

/**
 * The transactions that have inserted into the outbox, or may have, and have not ended. An {@code INSERT} locks the table
 * before it draws its {@code seq}, and the lock is given back only once the transaction's rows can be seen. So when those
 * that are open at one moment have ended, every {@code seq} that had been drawn by then is in the table or never will be.
 * That does not hold for one that was drawn by an earlier statement than the {@code INSERT}.
 *
 * <p>Deletes lock in the same way and are among them, which does no harm: they are short.
 */
public final class OpenWriters {

    private static final String OPEN = """
            SELECT virtualtransaction FROM pg_locks
            WHERE locktype = 'relation' AND granted AND mode = 'RowExclusiveLock'
              AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
              AND relation IN (SELECT to_regclass(?) UNION ALL SELECT relid FROM pg_partition_tree(to_regclass(?)))""";

    /** The name of a transaction that no session has. */
    private static final String OF_NO_SESSION = "-1/";

    private OpenWriters() {}

    /**
     * Whether the name is that of a prepared transaction that has lost the name under which it has written: with a restart
     * of the server, and before Postgres 14.1 with {@code PREPARE TRANSACTION} itself. Nothing tells then which that was.
     */
    public static boolean isRenamed(String name) {
        return name.startsWith(OF_NO_SESSION);
    }

    /**
     * Which of the writers that were open may be still open.
     *
     * @param before those that were
     * @param now all that are
     */
    public static Set<String> stillOpen(Set<String> before, Set<String> now) {
        Set<String> still = new HashSet<>(before);
        boolean mayBeRenamed = still.removeIf(name -> !now.contains(name) && !isRenamed(name));
        still.retainAll(now);
        if (mayBeRenamed) {
            now.stream().filter(OpenWriters::isRenamed).forEach(still::add);
        }
        return still;
    }

    /** Reads them, by the names that the server has for transactions; none is used again. */
    public static Set<String> read(Connection connection, OutboxTable table) throws SQLException {
        try (PreparedStatement query = connection.prepareStatement(OPEN)) {
            // Of a table that is not partitioned the tree is empty.
            query.setString(1, table.quoted());
            query.setString(2, table.quoted());
            try (ResultSet row = query.executeQuery()) {
                Set<String> open = new HashSet<>();
                while (row.next()) {
                    open.add(row.getString(1));
                }
                return open;
            }
        }
    }
}
