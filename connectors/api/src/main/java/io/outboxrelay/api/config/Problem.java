package io.outboxrelay.api.config;

import io.outboxrelay.api.Code;

/**
 * One fault in the configuration.
 *
 * @param code what kind of fault it is
 * @param path the setting, as {@code delivery.max-in-flight}
 * @param text what is wrong with it and what is allowed, without the value of a secret
 * @param where file and line, or empty where nobody wrote it down
 */
public record Problem(Code code, String path, String text, String where) {

    /** One line for a terminal. */
    @Override
    public String toString() {
        return code + " " + path + (where.isEmpty() ? "" : " (" + where + ")") + ": " + text;
    }
}
