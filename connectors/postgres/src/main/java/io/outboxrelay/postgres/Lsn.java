package io.outboxrelay.postgres;

import java.util.Locale;

/**
 * A place in Postgres' log, as in {@code 16/B374D848}: an unsigned number of bytes.
 *
 * @param value the bytes, unsigned
 */
public record Lsn(long value) implements Comparable<Lsn> {

    /**
     * Reads what Postgres prints.
     *
     * @throws IllegalArgumentException if the text is not two hexadecimal numbers of 32 bits with a slash between
     */
    public static Lsn parse(String text) {
        int slash = text.indexOf('/');
        if (slash < 1) {
            throw new IllegalArgumentException("not an LSN: " + text);
        }
        try {
            int high = Integer.parseUnsignedInt(text.substring(0, slash), 16);
            int low = Integer.parseUnsignedInt(text.substring(slash + 1), 16);
            return new Lsn(((long) high << 32) | Integer.toUnsignedLong(low));
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException("not an LSN: " + text, e);
        }
    }

    /** Whether this place lies behind the other, so that more of the log comes before it. */
    public boolean isAfter(Lsn other) {
        return compareTo(other) > 0;
    }

    @Override
    public int compareTo(Lsn other) {
        return Long.compareUnsigned(value, other.value);
    }

    /** As Postgres prints it. */
    @Override
    public String toString() {
        return (Long.toHexString(value >>> 32) + "/" + Long.toHexString(value & 0xFFFF_FFFFL)).toUpperCase(Locale.ROOT);
    }
}
