package io.outboxrelay.api;

/** Another relay reads this outbox. Waiting may mend it; the message says who holds what. */
public final class SourceBusyException extends Exception {

    private static final long serialVersionUID = 1L;

    /** @param message who holds the source, for the log of the one that waits */
    public SourceBusyException(String message) {
        super(message);
    }
}
