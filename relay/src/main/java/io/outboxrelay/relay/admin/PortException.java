package io.outboxrelay.relay.admin;

import java.io.IOException;

import io.outboxrelay.api.Code;
import io.outboxrelay.api.Coded;

/** Nobody can listen at the admin port. */
final class PortException extends IOException implements Coded {

    private static final long serialVersionUID = 1L;

    /** @param message where and why, in one line that names the settings */
    PortException(String message, Exception cause) {
        super(message, cause);
    }

    @Override
    public Code code() {
        return Code.PORT_NOT_OPENED;
    }
}
