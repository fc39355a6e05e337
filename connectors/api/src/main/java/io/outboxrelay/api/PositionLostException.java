package io.outboxrelay.api;

import java.util.Objects;

/** Committed rows may lie between the relay's position and what the source can still read. Waiting does not mend it. */
public final class PositionLostException extends Exception implements Coded {

    private static final long serialVersionUID = 1L;

    private final Code code;
    private final String remedy;

    /**
     * @param code which way it was lost
     * @param message what is missing, in one line
     * @param remedy what an operator can do
     */
    public PositionLostException(Code code, String message, String remedy) {
        super(message);
        this.code = Objects.requireNonNull(code);
        this.remedy = remedy;
    }

    @Override
    public Code code() {
        return code;
    }

    /** What an operator can do. */
    public String remedy() {
        return remedy;
    }
}
