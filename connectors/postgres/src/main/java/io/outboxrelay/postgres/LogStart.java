package io.outboxrelay.postgres;

import java.sql.SQLException;
import java.util.Optional;

/**
 * Where a run begins.
 *
 * @param checkpoint what the slot goes on from. Of phase {@link Checkpoint.Phase#HANDOVER} while what the snapshot sees is
 *     not settled: then the slot alone is not the whole truth
 * @param snapshot what is to be handed over before the rows of the log; empty if the log has everything
 */
public record LogStart(Checkpoint checkpoint, Optional<Snapshot> snapshot) implements AutoCloseable {

    /** Ends the snapshot. */
    @Override
    public void close() throws SQLException {
        if (snapshot.isPresent()) {
            snapshot.get().close();
        }
    }
}
