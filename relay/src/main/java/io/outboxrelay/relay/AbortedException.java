package io.outboxrelay.relay;

import io.outboxrelay.api.Code;
import io.outboxrelay.api.Coded;

/** A run was ended at once by the relay itself. */
final class AbortedException extends Exception implements Coded {

    private static final long serialVersionUID = 1L;

    private final Code code;
    private final boolean leavesLog;

    /**
     * @param code what ended it
     * @param message why, in one line
     * @param leavesLog whether the table is to be read instead of the log
     */
    AbortedException(Code code, String message, boolean leavesLog) {
        super(message);
        this.code = code;
        this.leavesLog = leavesLog;
    }

    @Override
    public Code code() {
        return code;
    }

    boolean leavesLog() {
        return leavesLog;
    }
}
