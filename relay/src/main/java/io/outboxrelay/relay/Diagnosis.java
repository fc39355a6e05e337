package io.outboxrelay.relay;

import java.io.IOException;
import java.sql.SQLException;
import java.util.Optional;

import io.outboxrelay.api.Code;
import io.outboxrelay.api.Coded;
import io.outboxrelay.api.PositionLostException;
import io.outboxrelay.api.SourceBusyException;
import io.outboxrelay.relay.ops.DatabaseFailure;
import io.outboxrelay.relay.ops.Health;

/**
 * What a failed run means: the one place that maps a failure to what the relay does and what the operator reads.
 *
 * @param state what the relay is at until the next attempt
 * @param waitingMends whether another attempt may succeed although nobody changes a setting
 * @param code what is wrong
 * @param text the failure and its remedy, in one line
 */
record Diagnosis(Health.State state, boolean waitingMends, Code code, String text) {

    static Diagnosis of(Throwable failure) {
        for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
            if (cause instanceof SourceBusyException busy) {
                return new Diagnosis(Health.State.STANDBY, true, busy.code(), cause.getMessage());
            }
            if (cause instanceof PositionLostException lost) {
                return new Diagnosis(
                        Health.State.HALTED, false, lost.code(), lost.getMessage() + ". Remedy: " + lost.remedy());
            }
            if (cause instanceof UnfitException unfit) {
                return new Diagnosis(Health.State.HALTED, false, unfit.code(), cause.getMessage());
            }
            if (cause instanceof SQLException sql && sql.getSQLState() != null) {
                return ofDatabase(sql, coded(failure));
            }
        }
        if (failure instanceof IOException) {
            return new Diagnosis(
                    Health.State.WAITING, true, coded(failure).orElse(Code.BROKER_UNREACHABLE), line(failure));
        }
        return new Diagnosis(Health.State.RETRYING, true, coded(failure).orElse(Code.RUN_FAILED), line(failure));
    }

    /** The lost position that a failure comes from, if it does. */
    static Optional<PositionLostException> positionLost(Throwable failure) {
        for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
            if (cause instanceof PositionLostException lost) {
                return Optional.of(lost);
            }
        }
        return Optional.empty();
    }

    /** One line, behind the code. */
    @Override
    public String toString() {
        return code + " " + text;
    }

    private static Optional<Code> coded(Throwable failure) {
        for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
            if (cause instanceof Coded coded) {
                return Optional.of(coded.code());
            }
        }
        return Optional.empty();
    }

    private static Diagnosis ofDatabase(SQLException failure, Optional<Code> code) {
        DatabaseFailure meaning = DatabaseFailure.of(failure);
        return new Diagnosis(
                meaning.reached() ? Health.State.RETRYING : Health.State.WAITING,
                meaning.waitingMends(),
                code.orElse(meaning.code()),
                meaning.toString());
    }

    private static String line(Throwable failure) {
        String text = failure.getMessage() == null ? failure.getClass().getSimpleName() : failure.getMessage();
        return text.strip().replaceAll("\\s*\\R\\s*", "; ");
    }
}
