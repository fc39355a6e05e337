package io.outboxrelay.api;

import java.sql.SQLException;
import java.util.List;

/** A source whose settings are read. */
public interface SourceFactory {

    /**
     * Looks whether the source could work, and changes nothing.
     *
     * @throws SQLException if the database cannot be asked; waiting may mend it
     */
    List<Finding> check(OutboxDatabase database) throws SQLException;

    /** Opens a source for one run. Connects to nothing yet. */
    OutboxSource open(OutboxDatabase database);
}
