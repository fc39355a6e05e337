package io.outboxrelay.postgres;

import java.sql.Connection;
import java.sql.SQLException;

/**
 * A replication slot that was just created, with the snapshot of the database at exactly its beginning: what the snapshot
 * sees is not in the slot, and what it does not see is. The snapshot can be imported until this is closed; the slot stays.
 *
 * @param connection which exports the snapshot, and must not be used for anything before it is imported
 * @param start where the slot begins
 * @param snapshot for {@code SET TRANSACTION SNAPSHOT} in a repeatable-read transaction
 */
record NewSlot(Connection connection, Lsn start, String snapshot) implements AutoCloseable {

    /** Ends the export. Whoever has imported the snapshot keeps it. */
    @Override
    public void close() throws SQLException {
        connection.close();
    }
}
