package io.outboxrelay.api;

import java.sql.Connection;
import java.sql.SQLException;

/**
 * The right to read an outbox, or a lane of it, as the database sees it. A relay that was paused may believe that it has the
 * right while another one has it already; so whoever writes what must not come late asks within the writing transaction.
 */
public interface Fence {

    /** No right is needed. */
    Fence NONE = connection -> true;

    /**
     * Whether the right has not ended. Once it has, it never comes back; a new right has a new fence.
     *
     * @param connection a connection to the database with the outbox. In a transaction the answer is true until it ends.
     *     Otherwise it tells that this session is on the server on which the right was got, and that the server has neither
     *     been replaced nor crashed since: the session would have ended too
     */
    boolean holds(Connection connection) throws SQLException;

    /**
     * Asks before something is written.
     *
     * @throws CodedSqlException if the right has ended
     */
    default void require(Connection connection) throws SQLException {
        if (!holds(connection)) {
            throw new CodedSqlException(
                    Code.LOCK_LOST,
                    "the right to read the outbox has ended: the server was restarted or replaced, or another relay has it;"
                            + " nothing more is written",
                    null);
        }
    }
}
