package io.outboxrelay.relay.admin;

import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Base64;
import java.util.Map;
import java.util.Optional;

import io.outboxrelay.relay.config.AdminAccess;

import static java.nio.charset.StandardCharsets.UTF_8;

/** Tells who somebody is by the header {@code Authorization}. Takes as long for any wrong secret. */
final class Credentials {

    private static final String BEARER = "Bearer ";
    private static final String BASIC = "Basic ";

    private final AdminAccess access;

    Credentials(AdminAccess access) {
        this.access = access;
    }

    /** A name for the log; empty if this is nobody who is known, or null. */
    Optional<String> who(String authorization) {
        if (authorization == null) {
            return Optional.empty();
        }
        if (isScheme(BEARER, authorization)) {
            String given = authorization.substring(BEARER.length()).strip();
            return access.token().filter(token -> isSame(token, given)).map(token -> "the token");
        }
        return isScheme(BASIC, authorization)
                ? user(authorization.substring(BASIC.length()).strip())
                : Optional.empty();
    }

    private Optional<String> user(String encoded) {
        String pair;
        try {
            pair = new String(Base64.getDecoder().decode(encoded), UTF_8);
        } catch (IllegalArgumentException e) {
            return Optional.empty();
        }
        Optional<String> found = Optional.empty();
        for (Map.Entry<String, String> user : access.users().entrySet()) {
            if (isSame(user.getKey() + ":" + user.getValue(), pair)) {
                found = Optional.of(user.getKey());
            }
        }
        return found;
    }

    private static boolean isScheme(String scheme, String authorization) {
        return authorization.regionMatches(true, 0, scheme, 0, scheme.length());
    }

    /** Hashes tell nothing of where two texts differ, nor of their lengths. */
    private static boolean isSame(String one, String other) {
        return MessageDigest.isEqual(hash(one), hash(other));
    }

    private static byte[] hash(String text) {
        try {
            return MessageDigest.getInstance("SHA-256").digest(text.getBytes(UTF_8));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java knows SHA-256", e);
        }
    }
}
