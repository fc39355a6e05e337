package io.outboxrelay.api.config;

/**
 * One fault in the configuration.
 *
 * @param path the setting, as {@code delivery.max-in-flight}
 * @param text what is wrong with it and what is allowed, without the value of a secret
 * @param where file and line, or empty where nobody wrote it down
 */
public record Problem(String path, String text, String where) {

    /** One line for a terminal. */
    @Override
    public String toString() {
        return path + (where.isEmpty() ? "" : " (" + where + ")") + ": " + text;
    }
}
