package io.outboxrelay.relay;

import java.io.IOException;
import java.sql.SQLException;

import io.outboxrelay.api.PositionLostException;
import io.outboxrelay.api.SourceBusyException;
import io.outboxrelay.relay.ops.DatabaseFailure;
import io.outboxrelay.relay.ops.Health;

/**
 * What a failed run means: the one place that maps a failure to what the relay does and what the operator reads.
 *
 * @param state what the relay is at until the next attempt
 * @param waitingMends whether another attempt may succeed although nobody changes a setting
 * @param text the failure and its remedy, in one line
 */
record Diagnosis(Health.State state, boolean waitingMends, String text) {

    static Diagnosis of(Throwable failure) {
        for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
            if (cause instanceof SourceBusyException) {
                return new Diagnosis(Health.State.STANDBY, true, cause.getMessage());
            }
            if (cause instanceof PositionLostException lost) {
                return new Diagnosis(Health.State.HALTED, false, lost.getMessage() + " Remedy: " + lost.remedy());
            }
            if (cause instanceof UnfitException) {
                return new Diagnosis(Health.State.RETRYING, false, cause.getMessage());
            }
            if (cause instanceof SQLException sql && sql.getSQLState() != null) {
                return ofDatabase(sql);
            }
        }
        if (failure instanceof IOException) {
            return new Diagnosis(Health.State.WAITING, true, line(failure));
        }
        return new Diagnosis(Health.State.RETRYING, true, line(failure));
    }

    private static Diagnosis ofDatabase(SQLException failure) {
        DatabaseFailure meaning = DatabaseFailure.of(failure);
        return new Diagnosis(
                meaning.reached() ? Health.State.RETRYING : Health.State.WAITING,
                meaning.waitingMends(),
                meaning.toString());
    }

    private static String line(Throwable failure) {
        String text = failure.getMessage() == null ? failure.getClass().getSimpleName() : failure.getMessage();
        return text.strip().replaceAll("\\s*\\R\\s*", "; ");
    }
}
