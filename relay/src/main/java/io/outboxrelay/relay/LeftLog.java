package io.outboxrelay.relay;

import java.sql.SQLException;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.BiConsumer;

import io.outboxrelay.api.Code;
import io.outboxrelay.api.Finding;
import io.outboxrelay.api.OutboxDatabase;
import io.outboxrelay.api.SourceFactory;
import io.outboxrelay.relay.ops.DatabaseFailure;

/**
 * The log that was left for the table, whose position is to be given up: that may take many attempts, and what is left of
 * it is told once while it stays the same. Safe for use by any thread.
 */
final class LeftLog {

    private final SourceFactory source;
    private final OutboxDatabase database;
    private final BiConsumer<Code, String> warnings;

    private Set<Finding> told = Set.of();

    /** @param warnings takes what is left of the log */
    LeftLog(SourceFactory source, OutboxDatabase database, BiConsumer<Code, String> warnings) {
        this.source = source;
        this.database = database;
        this.warnings = warnings;
    }

    /**
     * Gives the position up.
     *
     * @return false if something is left of it that a later attempt may remove, such as a replication slot that keeps log
     * @throws SQLException if the database cannot be asked; waiting may mend it
     */
    synchronized boolean giveUp() throws SQLException {
        try {
            List<Finding> left = source.abandon(database);
            tell(left);
            return left.isEmpty();
        } catch (SQLException e) {
            DatabaseFailure failure = DatabaseFailure.of(e);
            if (!failure.reached() || failure.waitingMends()) {
                throw e;
            }
            tell(List.of(Finding.warning(
                    Code.POSITION_NOT_GIVEN_UP,
                    "position",
                    "cannot be given up, and a replication slot of it would keep log: " + failure.text(),
                    failure.remedy())));
            return true;
        }
    }

    private void tell(List<Finding> now) {
        now.stream()
                .filter(left -> !told.contains(left))
                .forEach(left -> warnings.accept(left.code().orElseThrow(), left.line()));
        told = new HashSet<>(now);
    }
}
