package io.outboxrelay.relay.admin;

/** A request is not answered; the message, which is told to who asks, says why. */
final class RefusedException extends Exception {

    private static final long serialVersionUID = 1;

    private final int code;

    /** @param code the status code of HTTP */
    RefusedException(int code, String why) {
        super(why);
        this.code = code;
    }

    int code() {
        return code;
    }
}
