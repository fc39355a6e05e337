package io.outboxrelay.api;

/** Committed rows may lie between the relay's position and what the source can still read. Waiting does not mend it. */
public final class PositionLostException extends Exception {

    private static final long serialVersionUID = 1L;

    private final String remedy;

    /**
     * @param message what is missing, in one line
     * @param remedy what an operator can do
     */
    public PositionLostException(String message, String remedy) {
        super(message);
        this.remedy = remedy;
    }

    /** What an operator can do. */
    public String remedy() {
        return remedy;
    }
}
