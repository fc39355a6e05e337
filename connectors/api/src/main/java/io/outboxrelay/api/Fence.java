package io.outboxrelay.api;

import java.sql.Connection;
import java.sql.SQLException;

/**
 * The right to read an outbox, or a lane of it, as the database sees it. A relay that was paused may believe that it has the
 * right while another one has it already; so whoever writes what must not come late asks within the writing transaction.
 */
public interface Fence {

    /**
     * Whether the right has not ended. Once it has, it never comes back; a new right has a new fence.
     *
     * @param connection a connection to the database with the outbox, in a transaction
     */
    boolean holds(Connection connection) throws SQLException;
}
