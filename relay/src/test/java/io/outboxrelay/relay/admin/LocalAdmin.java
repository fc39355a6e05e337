package io.outboxrelay.relay.admin;

import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

import io.outboxrelay.relay.config.AdminAccess;
import io.outboxrelay.relay.config.AdminSettings;

/** How tests listen. The server of the JDK reads its time limit once, so that of the first test holds for all. */
public final class LocalAdmin {

    static final String TOKEN = "0123456789abcdef-token";

    /** Whom {@link #TOKEN} and this password let act. */
    static final AdminAccess ACTING =
            new AdminAccess(Optional.of(TOKEN), Map.of("anna", "a-long-password-of-anna"), false, Set.of());

    private static final Duration REQUEST_TIMEOUT = Duration.ofSeconds(3);

    private LocalAdmin() {}

    /** At a port of this machine alone; 0 for any that is free. Everybody reads, nobody acts. */
    public static AdminSettings at(int port) {
        return at(port, AdminAccess.READING);
    }

    static AdminSettings at(int port, AdminAccess access) {
        return new AdminSettings(true, "127.0.0.1", port, REQUEST_TIMEOUT, access, Optional.empty());
    }
}
