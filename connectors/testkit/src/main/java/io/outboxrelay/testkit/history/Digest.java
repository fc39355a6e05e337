package io.outboxrelay.testkit.history;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/** Stands for a payload, so that histories stay small and reports show none. */
public final class Digest {

    private Digest() {}

    /** SHA-256 in hexadecimal; of null, the word {@code null}. */
    public static String of(byte[] payload) {
        if (payload == null) {
            return "null";
        }
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(payload));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Of the text's UTF-8. */
    public static String of(String payload) {
        return of(payload.getBytes(StandardCharsets.UTF_8));
    }
}
