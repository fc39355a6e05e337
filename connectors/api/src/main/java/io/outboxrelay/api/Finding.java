package io.outboxrelay.api;

import java.util.Objects;
import java.util.Optional;

/**
 * What a check before the start found.
 *
 * @param level how bad it is
 * @param code what is wrong; empty where nothing is
 * @param subject what was looked at, for example {@code wal_level}
 * @param text what was found, in one line
 * @param remedy the SQL or setting that mends it; empty where nothing needs mending
 */
public record Finding(Level level, Optional<Code> code, String subject, String text, String remedy) {

    /** How bad a finding is. */
    public enum Level {
        /** As it should be. */
        OK,
        /** The relay works, but may not go on to. */
        WARNING,
        /** The relay cannot work, or would lose rows. */
        ERROR
    }

    /** Refuses a finding without words, and anything wrong without a code. */
    public Finding {
        Objects.requireNonNull(level);
        Objects.requireNonNull(subject);
        Objects.requireNonNull(text);
        Objects.requireNonNull(remedy);
        if (code.isEmpty() != (level == Level.OK)) {
            throw new IllegalArgumentException("a finding has a code exactly if something is wrong");
        }
    }

    /** A finding that asks for nothing. */
    public static Finding ok(String subject, String text) {
        return new Finding(Level.OK, Optional.empty(), subject, text, "");
    }

    /** A finding that lets the relay start. */
    public static Finding warning(Code code, String subject, String text, String remedy) {
        return new Finding(Level.WARNING, Optional.of(code), subject, text, remedy);
    }

    /** A finding that does not. */
    public static Finding error(Code code, String subject, String text, String remedy) {
        return new Finding(Level.ERROR, Optional.of(code), subject, text, remedy);
    }

    /** One line without the code. */
    public String line() {
        String sentence = subject + ": " + text + (text.endsWith(".") ? "" : ".");
        return remedy.isEmpty() ? sentence : sentence + " Remedy: " + remedy;
    }

    /** One line for a log or a terminal, behind the code if there is one. */
    @Override
    public String toString() {
        return code.map(what -> what + " ").orElse("") + line();
    }
}
