package io.outboxrelay.postgres;

import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.HashSet;
import java.util.Set;

import io.outboxrelay.api.Code;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Steps that are tried again in the next round if they fail: each complains aloud once. Used by one thread. */
final class Attempts {

    private static final Logger log = LoggerFactory.getLogger(Attempts.class);

    private static final Set<String> TRIED_AGAIN = Set.of("55P03", "57014", "40P01");

    private final Set<String> complaints = new HashSet<>();

    /** What may fail. */
    interface Step {
        void run() throws SQLException;
    }

    /**
     * Tries a step.
     *
     * @param what it does, for the log
     * @return whether it was done. What fails for itself stops none of the other steps
     * @throws SQLException if the session has ended
     */
    boolean attempt(String what, Step step) throws SQLException {
        try {
            step.run();
            succeeded(what);
            return true;
        } catch (SQLException e) {
            String state = String.valueOf(e.getSQLState());
            if (state.startsWith("08") || state.startsWith("57P")) {
                throw e;
            }
            complain(what, e);
            return false;
        }
    }

    void succeeded(String what) {
        complaints.remove(what);
    }

    /** Aloud once; to wait for others is no trouble. */
    void complain(String what, SQLException e) {
        String reason = String.valueOf(e.getMessage()).lines().findFirst().orElse("");
        if (TRIED_AGAIN.contains(String.valueOf(e.getSQLState()))) {
            log.info("Could not yet {}, and tries it again: {}", what, reason);
        } else if (complaints.add(what)) {
            log.warn("{} Could not {}, and tries it again: {}", Code.PARTITIONS_FAIL, what, reason);
        } else {
            log.debug("Still could not {}", what, e);
        }
    }

    static void execute(Connection connection, String sql) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            statement.execute(sql);
        }
    }
}
