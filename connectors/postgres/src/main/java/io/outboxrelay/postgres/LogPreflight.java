package io.outboxrelay.postgres;

import java.sql.Connection;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;

import io.outboxrelay.api.AfterDelivery;
import io.outboxrelay.api.AfterDelivery.Action;
import io.outboxrelay.api.Finding;
import io.outboxrelay.schema.OutboxTable;

/**
 * Looks whether an outbox can be read from the database's log: server, role, table, publication, slot and the relay's
 * own tables. Reads catalogs only and changes nothing.
 *
 * <p>A remedy is SQL that can be run as it is printed, by somebody with the rights; where the way out is a setting of
 * the relay or a script, it says so in words. What SQL alone does not do, such as a restart, stands behind {@code --}.
 *
 * <p>Whether a missing slot is as it should be (a first start) or a gap, this class cannot tell: the source compares the
 * slot with its checkpoint.
 */
public final class LogPreflight {

    private final OutboxTable table;
    private final AfterDelivery after;
    private final LogSettings settings;
    private final String publication;

    /**
     * A check of one outbox.
     *
     * @param settings how the log is to be read
     * @param publication the publication that the log is filtered by
     */
    public LogPreflight(OutboxTable table, AfterDelivery after, LogSettings settings, String publication) {
        this.table = Objects.requireNonNull(table);
        this.after = Objects.requireNonNull(after);
        this.settings = Objects.requireNonNull(settings);
        this.publication = Objects.requireNonNull(publication);
    }

    /**
     * Asks the database, as the role of the connection. Blocks for some dozen small queries.
     *
     * @return what was looked at, in a fixed order, with an {@code OK} for whatever is as it should be
     * @throws SQLException if the database cannot be asked
     */
    public List<Finding> check(Connection connection) throws SQLException {
        Session session = Session.of(connection);
        List<Finding> findings = new ArrayList<>(new ServerChecks(session, settings.slot()).findings());
        Optional<CatalogTable> found = CatalogTable.find(session, table);
        if (found.isPresent() && found.get().holdsRows()) {
            findings.addAll(new TableChecks(session, table, after, found.get()).findings());
            findings.addAll(new PublicationChecks(session, table, found.get(), after, publication).findings());
            if (after.action() == Action.DELETE || after.action() == Action.MARK) {
                findings.addAll(new CleanupChecks(session, table, after, found.get()).findings());
            }
            findings.addAll(new PartitionChecks(session, table, after).findings());
        } else {
            findings.add(TableChecks.notATable(session, table, found));
        }
        findings.addAll(new SlotChecks(session, settings, after).findings());
        findings.add(RelayTables.finding(session, table.schema()));
        return findings;
    }
}
