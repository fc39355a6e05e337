package io.outboxrelay.relay.deadletter;

import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.sql.Statement;

import io.outboxrelay.api.OutboxDatabase;
import io.outboxrelay.relay.ops.Transaction;

/**
 * Changes of the dead letters of one outbox, one after another: whoever changes something sees all that was changed
 * before, in whichever process. A process that is paused in the middle loses its turn.
 */
final class DeadLetterTransaction {

    /** The role may have another default of isolation, in which the lock's holder would not see what came before. */
    private static final String BEGIN = """
            SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
            SET LOCAL idle_in_transaction_session_timeout = '10s';
            SET LOCAL lock_timeout = %d
            """;

    /** A statement of its own: those that follow see what was committed by whoever had the lock before. */
    private static final String LOCK =
            "SELECT pg_advisory_xact_lock(hashtextextended('outbox-relay dead letters ' || ?, 0))";

    private final OutboxDatabase database;
    private final String begin;

    DeadLetterTransaction(OutboxDatabase database) {
        this.database = database;
        this.begin = BEGIN.formatted(database.address().timeouts().statement().toMillis());
    }

    /** Does the work and commits it. */
    <T> T run(Transaction.Work<T> work) throws SQLException {
        return Transaction.run(database.dataSource(), connection -> {
            try (Statement first = connection.createStatement();
                    PreparedStatement lock = connection.prepareStatement(LOCK)) {
                first.execute(begin);
                lock.setString(1, database.table().toString());
                lock.execute();
                return work.in(connection);
            }
        });
    }
}
