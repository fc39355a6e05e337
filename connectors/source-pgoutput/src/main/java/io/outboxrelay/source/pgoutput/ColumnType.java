package io.outboxrelay.source.pgoutput;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Optional;

/**
 * How the server sends values of a type in binary, and what Postgres would print for them.
 *
 * @see <a href="https://www.postgresql.org/docs/current/protocol-overview.html#PROTOCOL-FORMAT-CODES">Formats and format
 *     codes</a>; what the binary format of a type is only its {@code typsend} function tells
 */
enum ColumnType {
    /** The bytes are the text, in the client's encoding, which is UTF-8: also any enum, and {@code json}. */
    TEXT,
    /** A byte with the version, which is 1, and the text. */
    JSONB,
    /** 16 bytes. */
    UUID,
    INT2,
    INT4,
    INT8,
    /** The bytes themselves; printed in hexadecimal. */
    BYTEA;

    private static final byte[] DIGITS = "0123456789abcdef".getBytes(StandardCharsets.ISO_8859_1);

    /** Of a type that is part of Postgres, and so has the same number everywhere; empty for any other. */
    static Optional<ColumnType> of(int oid) {
        return switch (oid) {
            case 17 -> Optional.of(BYTEA);
            case 20 -> Optional.of(INT8);
            case 21 -> Optional.of(INT2);
            case 23 -> Optional.of(INT4);
            case 19, 25, 114, 1042, 1043 -> Optional.of(TEXT);
            case 2950 -> Optional.of(UUID);
            case 3802 -> Optional.of(JSONB);
            default -> Optional.empty();
        };
    }

    /** Of a type by the name of its base, as {@link BaseTypes} tells it; empty if its values cannot be read. */
    static Optional<ColumnType> named(String base) {
        return switch (base) {
            case "bytea" -> Optional.of(BYTEA);
            case "int8" -> Optional.of(INT8);
            case "int2" -> Optional.of(INT2);
            case "int4" -> Optional.of(INT4);
            case "name", "text", "json", "bpchar", "varchar", "citext", "enum" -> Optional.of(TEXT);
            case "uuid" -> Optional.of(UUID);
            case "jsonb" -> Optional.of(JSONB);
            default -> Optional.empty();
        };
    }

    /** Whether the values are whole numbers. */
    boolean isInteger() {
        return this == INT2 || this == INT4 || this == INT8;
    }

    /** The text that Postgres prints for a value in binary. */
    String text(byte[] bytes, int from, int length) {
        return switch (this) {
            case TEXT -> utf8(bytes, from, length);
            case JSONB -> utf8(bytes, from + version(bytes, from), length - 1);
            case UUID -> uuid(bytes, from);
            case INT2, INT4, INT8 -> Long.toString(integer(bytes, from, length));
            case BYTEA -> "\\x" + HexFormat.of().formatHex(bytes, from, from + length);
        };
    }

    /** A value in binary as a payload: raw bytes untouched, of any other type the UTF-8 of its text. */
    byte[] payload(byte[] bytes, int from, int length) {
        return switch (this) {
            case TEXT, BYTEA -> Arrays.copyOfRange(bytes, from, from + length);
            case JSONB -> Arrays.copyOfRange(bytes, from + version(bytes, from), from + length);
            default -> text(bytes, from, length).getBytes(StandardCharsets.UTF_8);
        };
    }

    /** A value that was sent as text as a payload, as {@link #payload} does. */
    byte[] payloadOfText(byte[] bytes, int from, int length) {
        if (this == BYTEA && length >= 2 && bytes[from] == '\\' && bytes[from + 1] == 'x') {
            return HexFormat.of().parseHex(utf8(bytes, from + 2, length - 2));
        }
        return Arrays.copyOfRange(bytes, from, from + length);
    }

    /** A whole number in binary, of 2, 4 or 8 bytes. */
    static long integer(byte[] bytes, int from, int length) {
        long value = bytes[from];
        for (int i = from + 1; i < from + length; i++) {
            value = value << 8 | (bytes[i] & 0xFF);
        }
        return value;
    }

    static String utf8(byte[] bytes, int from, int length) {
        return new String(bytes, from, length, StandardCharsets.UTF_8);
    }

    private static int version(byte[] bytes, int from) {
        if (bytes[from] != 1) {
            throw new IllegalStateException("the server sends jsonb in version " + bytes[from] + ", and 1 is known");
        }
        return 1;
    }

    private static String uuid(byte[] bytes, int from) {
        byte[] text = new byte[36];
        int at = 0;
        for (int i = 0; i < 16; i++) {
            if (i == 4 || i == 6 || i == 8 || i == 10) {
                text[at++] = '-';
            }
            text[at++] = DIGITS[bytes[from + i] >> 4 & 0xF];
            text[at++] = DIGITS[bytes[from + i] & 0xF];
        }
        return new String(text, StandardCharsets.ISO_8859_1);
    }
}
