package io.outboxrelay.relay.config;

import java.util.List;

import io.outboxrelay.api.config.Problem;

/** A configuration that cannot be used, with all that is wrong with it. No text of it holds a secret. */
public final class ConfigurationException extends Exception {

    private static final long serialVersionUID = 1L;

    private final transient List<Problem> problems;

    /**
     * @param file the file, as the user named it
     * @param problems what is wrong, in the order of reading; none where the first text says all
     */
    public ConfigurationException(String file, List<Problem> problems) {
        super(file + count(problems));
        this.problems = List.copyOf(problems);
    }

    /**
     * @param message why the file could not even be read, in one line
     * @param cause what failed
     */
    ConfigurationException(String message, Throwable cause) {
        super(message, cause);
        this.problems = List.of();
    }

    private static String count(List<Problem> problems) {
        return switch (problems.size()) {
            case 0 -> "";
            case 1 -> " has a problem";
            default -> " has " + problems.size() + " problems";
        };
    }

    /** One for each fault; none where the file could not be read, which the message tells. */
    public List<Problem> problems() {
        return problems;
    }
}
