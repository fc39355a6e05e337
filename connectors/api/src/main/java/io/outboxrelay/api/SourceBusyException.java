package io.outboxrelay.api;

import java.util.Objects;

/** Another relay reads this outbox. Waiting may mend it; the message says who holds what. */
public final class SourceBusyException extends Exception implements Coded {

    private static final long serialVersionUID = 1L;

    private final Code code;

    /** @param message who holds the source, for the log of the one that waits */
    public SourceBusyException(String message) {
        this(Code.OUTBOX_IS_READ, message);
    }

    /**
     * @param code why two cannot read
     * @param message who holds the source, for the log of the one that waits
     */
    public SourceBusyException(Code code, String message) {
        super(message);
        this.code = Objects.requireNonNull(code);
    }

    @Override
    public Code code() {
        return code;
    }
}
