package io.outboxrelay.postgres;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;

import io.outboxrelay.api.AfterDelivery;
import io.outboxrelay.api.Code;
import io.outboxrelay.api.DatabaseAddress;
import io.outboxrelay.api.Finding;
import io.outboxrelay.schema.OutboxTable;

/**
 * Looks whether an outbox can be read from its table, as a queue: server, table, order, the rights to read and to remove,
 * and sessions that can hold locks. Changes nothing. Remedies are as those of {@link LogPreflight}. The relay's own tables
 * are not needed.
 */
public final class TablePreflight {

    /** A pooler that lends sessions for one statement lends the same one to two who take turns. */
    private static final int TURNS = 3;

    private final OutboxTable table;
    private final AfterDelivery after;

    /** A check of one outbox. */
    public TablePreflight(OutboxTable table, AfterDelivery after) {
        this.table = Objects.requireNonNull(table);
        this.after = Objects.requireNonNull(after);
    }

    /**
     * Asks the database, as the role of the connection. Blocks for some dozen small queries.
     *
     * @return what was looked at, in a fixed order, with an {@code OK} for whatever is as it should be
     * @throws SQLException if the database cannot be asked
     */
    public List<Finding> check(Connection connection) throws SQLException {
        Session session = Session.of(connection);
        List<Finding> findings = new ArrayList<>();
        findings.add(ServerChecks.version(session.version()));
        standby(session, findings);
        if (!after.tableIsQueue()) {
            findings.add(Finding.error(
                    Code.KEEP_CANNOT_POLL,
                    "after-delivery",
                    "is keep: the table does not tell what is unsent.",
                    "Set outbox.after-delivery = delete, mark or drop-partition."));
        }
        Optional<CatalogTable> found = CatalogTable.find(session, table);
        if (found.isPresent() && found.get().holdsRows()) {
            findings.addAll(
                    TableChecks.ofQueue(session, table, after, found.get()).findings());
            findings.addAll(new QueueChecks(session, table, after, found.get()).findings());
            findings.addAll(new CleanupChecks(session, table, after, found.get()).ofQueue());
            findings.addAll(new PartitionChecks(session, table, after).findings());
        } else {
            findings.add(TableChecks.notATable(session, table, found));
        }
        findings.add(RelayTables.ofQueue(session, table.schema()));
        return findings;
    }

    /**
     * Looks whether a session stays with who opened it. Opens two connections.
     *
     * @throws SQLException if the database cannot be asked
     */
    public static Finding sessions(DatabaseAddress address) throws SQLException {
        try (Connection one = DirectConnection.open(address, properties -> {});
                Connection other = DirectConnection.open(address, properties -> {})) {
            Set<Integer> ofOne = new HashSet<>();
            Set<Integer> ofOther = new HashSet<>();
            for (int turn = 0; turn < TURNS; turn++) {
                ofOne.add(backend(one));
                ofOther.add(backend(other));
            }
            return sessions(ofOne, ofOther);
        }
    }

    /** Of the server's processes that answered the one and the other connection. */
    static Finding sessions(Set<Integer> ofOne, Set<Integer> ofOther) {
        boolean isOwn = ofOne.size() == 1 && ofOther.size() == 1 && !ofOne.equals(ofOther);
        return isOwn
                ? Finding.ok("sessions", "stay with who opened them")
                : Finding.error(
                        Code.SESSIONS_CHANGE_HANDS,
                        "sessions",
                        "change hands: a pooler lends them for one transaction, and so cannot hold the locks that keep"
                                + " two relays apart.",
                        "Name the server itself in database.host and database.port, or a pool in session mode.");
    }

    private static void standby(Session session, List<Finding> findings) throws SQLException {
        try (PreparedStatement query = session.query("SELECT pg_is_in_recovery()");
                ResultSet row = query.executeQuery()) {
            row.next();
            if (row.getBoolean(1)) {
                findings.add(Finding.error(
                        Code.SERVER_IS_STANDBY,
                        "server",
                        "is a standby: what is sent cannot be removed here.",
                        "Name the primary in database.host."));
            }
        }
    }

    private static int backend(Connection connection) throws SQLException {
        try (PreparedStatement query = connection.prepareStatement("SELECT pg_backend_pid()");
                ResultSet row = query.executeQuery()) {
            row.next();
            return row.getInt(1);
        }
    }
}
