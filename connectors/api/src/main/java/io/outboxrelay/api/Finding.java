package io.outboxrelay.api;

import java.util.Objects;

/**
 * What a check before the start found.
 *
 * @param level how bad it is
 * @param subject what was looked at, for example {@code wal_level}
 * @param text what was found, in one line
 * @param remedy the SQL or setting that mends it; empty where nothing needs mending
 */
public record Finding(Level level, String subject, String text, String remedy) {

    /** How bad a finding is. */
    public enum Level {
        /** As it should be. */
        OK,
        /** The relay works, but may not go on to. */
        WARNING,
        /** The relay cannot work, or would lose rows. */
        ERROR
    }

    /** Refuses a finding without words. */
    public Finding {
        Objects.requireNonNull(level);
        Objects.requireNonNull(subject);
        Objects.requireNonNull(text);
        Objects.requireNonNull(remedy);
    }

    /** A finding that asks for nothing. */
    public static Finding ok(String subject, String text) {
        return new Finding(Level.OK, subject, text, "");
    }

    /** A finding that lets the relay start. */
    public static Finding warning(String subject, String text, String remedy) {
        return new Finding(Level.WARNING, subject, text, remedy);
    }

    /** A finding that does not. */
    public static Finding error(String subject, String text, String remedy) {
        return new Finding(Level.ERROR, subject, text, remedy);
    }

    /** One line for a log or a terminal. */
    @Override
    public String toString() {
        String sentence = subject + ": " + text + (text.endsWith(".") ? "" : ".");
        return remedy.isEmpty() ? sentence : sentence + " Remedy: " + remedy;
    }
}
