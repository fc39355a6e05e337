package io.outboxrelay.api;

/**
 * A broker will never take this message, or an event can never become one. One of the two words between a broker and
 * delivery; the other is any other exception, which means <em>not yet</em>.
 */
public final class RejectedException extends Exception {

    private static final long serialVersionUID = 1L;

    /** @param message why, in one line, and what would mend it; never any part of a payload */
    public RejectedException(String message) {
        super(message);
    }

    /**
     * @param message why, in one line, and what would mend it; never any part of a payload
     * @param cause the broker client's own word
     */
    public RejectedException(String message, Throwable cause) {
        super(message, cause);
    }
}
