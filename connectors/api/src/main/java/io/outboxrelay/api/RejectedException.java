package io.outboxrelay.api;

import java.util.Objects;

/**
 * A broker will never take this message, or an event can never become one. One of the two words between a broker and
 * delivery; the other is any other exception, which means <em>not yet</em>.
 */
public final class RejectedException extends Exception {

    private static final long serialVersionUID = 1L;

    /** What is wrong, for those who sort and count rejected events. Names are stored: new ones may come, none may go. */
    public enum Kind {
        /** The message is larger than its destination takes. */
        TOO_LARGE,
        /** The destination does not exist, or can have no such name. */
        NO_DESTINATION,
        /** There is no right to write to the destination. */
        NOT_ALLOWED,
        /** The row lacks what every message needs, or holds what no message can. */
        UNFIT_ROW,
        /** The broker refuses the message for another reason. */
        REFUSED
    }

    private final Kind kind;

    /** @param message why, in one line, and what would mend it; never any part of a payload */
    public RejectedException(Kind kind, String message) {
        this(kind, message, null);
    }

    /**
     * @param kind what is wrong
     * @param message why, in one line, and what would mend it; never any part of a payload
     * @param cause the broker client's own word
     */
    public RejectedException(Kind kind, String message, Throwable cause) {
        super(message, cause);
        this.kind = Objects.requireNonNull(kind);
    }

    /** What is wrong. */
    public Kind kind() {
        return kind;
    }
}
