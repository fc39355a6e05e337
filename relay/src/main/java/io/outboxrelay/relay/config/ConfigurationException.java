package io.outboxrelay.relay.config;

import java.util.List;

import io.outboxrelay.api.Code;
import io.outboxrelay.api.Coded;
import io.outboxrelay.api.config.Problem;

/** A configuration that cannot be used, with all that is wrong with it. No text of it holds a secret. */
public final class ConfigurationException extends Exception implements Coded {

    private static final long serialVersionUID = 1L;

    private final Code code;
    private final transient List<Problem> problems;

    /**
     * @param file the file, as the user named it
     * @param problems what is wrong, in the order of reading; at least one
     */
    public ConfigurationException(String file, List<Problem> problems) {
        super(file + count(problems));
        this.code = problems.get(0).code();
        this.problems = List.copyOf(problems);
    }

    /**
     * @param code what is wrong with the file as a whole
     * @param message why the file could not even be read, in one line
     * @param cause what failed
     */
    ConfigurationException(Code code, String message, Throwable cause) {
        super(message, cause);
        this.code = code;
        this.problems = List.of();
    }

    private static String count(List<Problem> problems) {
        return problems.size() == 1 ? " has a problem" : " has " + problems.size() + " problems";
    }

    /** What is wrong; with the settings, of the first problem. */
    @Override
    public Code code() {
        return code;
    }

    /** One for each fault; none where the file could not be read, which the message tells. */
    public List<Problem> problems() {
        return problems;
    }
}
