package io.outboxrelay.schema;

import java.nio.charset.StandardCharsets;

/** Names of tables, columns, slots and publications on their way into SQL: validated, then quoted. */
public final class Identifier {

    /** Postgres cuts longer names without an error ({@code NAMEDATALEN - 1}), so they are refused here. */
    public static final int MAX_BYTES = 63;

    private Identifier() {}

    /**
     * Returns the name unchanged if Postgres can hold it.
     *
     * @throws IllegalArgumentException if the name is empty, longer than {@value #MAX_BYTES} bytes in UTF-8, or holds a
     *     NUL
     */
    public static String requireValid(String name) {
        if (name == null || name.isEmpty()) {
            throw new IllegalArgumentException("an identifier must not be empty");
        }
        if (name.indexOf('\0') >= 0) {
            throw new IllegalArgumentException("the identifier '" + name.replace('\0', '?') + "' holds a NUL");
        }
        if (name.getBytes(StandardCharsets.UTF_8).length > MAX_BYTES) {
            throw new IllegalArgumentException("the identifier '" + name + "' is longer than " + MAX_BYTES
                    + " bytes, which is all Postgres keeps");
        }
        return name;
    }

    /** The name as SQL text: in double quotes, its own doubled. Case is kept, whatever the name holds. */
    public static String quote(String name) {
        return '"' + requireValid(name).replace("\"", "\"\"") + '"';
    }
}
