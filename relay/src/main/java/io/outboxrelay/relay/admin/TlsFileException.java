package io.outboxrelay.relay.admin;

import java.io.IOException;

import io.outboxrelay.api.Code;
import io.outboxrelay.api.Coded;

/** A file of {@code admin.tls} cannot be used. */
final class TlsFileException extends IOException implements Coded {

    private static final long serialVersionUID = 1L;

    /** @param message which and why, in one line that names the setting and repeats nothing of the file */
    TlsFileException(String message) {
        super(message);
    }

    /** @param message as above */
    TlsFileException(String message, Exception cause) {
        super(message, cause);
    }

    @Override
    public Code code() {
        return Code.ADMIN_CERTIFICATE_UNUSABLE;
    }
}
