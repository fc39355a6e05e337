package io.outboxrelay.relay.logging;

import java.util.Arrays;
import java.util.Locale;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.LoggerContext;
import io.outboxrelay.api.Code;
import io.outboxrelay.relay.config.LogLevel;
import io.outboxrelay.relay.config.LoggingSettings;
import org.slf4j.LoggerFactory;

/**
 * How much is logged, at the start and while the relay runs. Below INFO the libraries log what passes through them: Kafka's
 * producer each record, Debezium each row, the Postgres driver each parameter. So whatever configuration Logback was given,
 * and whatever is asked for, they stay at INFO or above. Safe for use by any thread.
 */
public final class LogLevels {

    private static final String OWN = "io.outboxrelay";

    /** Set in Logback's context where the command line asked for what is for finding faults. */
    private static final String VERBOSE = "outboxrelay.verbose";

    private static final java.util.logging.Logger DRIVER = java.util.logging.Logger.getLogger("org.postgresql");

    private final LoggerContext context;

    LogLevels(LoggerContext context) {
        this.context = context;
    }

    /** The levels of the Logback that everything logs to. */
    public static LogLevels ofLogback() {
        if (!(LoggerFactory.getILoggerFactory() instanceof LoggerContext context)) {
            throw new IllegalStateException("Logback is not what SLF4J found");
        }
        return new LogLevels(context);
    }

    /**
     * Sets the levels. To be called before anything is logged.
     *
     * @param verbose whether to log what is for finding faults: DEBUG of the relay's own, and stack traces
     */
    public static void apply(boolean verbose) {
        if (verbose) {
            System.setProperty("outboxrelay.exceptions", "%ex");
            System.setProperty("outboxrelay.echoes", "WARN");
        }
        LogLevels levels = ofLogback();
        if (verbose) {
            levels.context.putProperty(VERBOSE, "true");
        }
        levels.own(LogLevel.INFO);
        levels.cap();
        // The driver logs by java.util.logging.
        DRIVER.setLevel(java.util.logging.Level.WARNING);
    }

    /** Levels as the configuration has them; those of the command line, if they tell more, stay. */
    void configure(LogLevel own, Map<String, LogLevel> levels) {
        own(own);
        levels.forEach((logger, level) -> context.getLogger(logger).setLevel(Level.toLevel(level.name())));
        cap();
    }

    /** The loggers that have a level of their own, with it, in lower case. {@code ROOT} is what all others have. */
    public SortedMap<String, String> levels() {
        SortedMap<String, String> levels = new TreeMap<>();
        for (Logger logger : context.getLoggerList()) {
            if (logger.getLevel() != null) {
                levels.put(logger.getName(), logger.getLevel().toString().toLowerCase(Locale.ROOT));
            }
        }
        return levels;
    }

    /**
     * Changes the level of a logger, and of all below it that have none of their own, until the process ends.
     *
     * @param logger a package or class that logs, or {@code ROOT}
     * @param level a level, in any case; {@code inherit} takes the logger's own level away
     * @throws IllegalArgumentException if there is no such logger or level, or the logger may not have it; the message is
     *     one line for whoever asked
     */
    public void set(String logger, String level) {
        Logger found = context.exists(logger);
        if (found == null && !isOnClassPath(logger)) {
            throw refused("there is no logger \"" + logger
                    + "\"; name a package or a class that logs, such as io.outboxrelay.relay.delivery, or ROOT");
        }
        if (level.equalsIgnoreCase("inherit")) {
            if (logger.equals(org.slf4j.Logger.ROOT_LOGGER_NAME)) {
                throw refused("ROOT has no other logger to inherit a level from");
            }
            context.getLogger(logger).setLevel(null);
        } else {
            LogLevel wanted = level(level);
            LoggingSettings.refusal(logger, wanted).ifPresent(why -> {
                throw refused(logger + " " + why);
            });
            context.getLogger(logger).setLevel(Level.toLevel(wanted.name()));
        }
        cap();
    }

    private void own(LogLevel level) {
        boolean verbose = context.getProperty(VERBOSE) != null;
        LogLevel most = verbose && level.compareTo(LogLevel.DEBUG) < 0 ? LogLevel.DEBUG : level;
        context.getLogger(OWN).setLevel(Level.toLevel(most.name()));
    }

    private void cap() {
        LoggingSettings.whatSeesPayloads().forEach(context::getLogger);
        for (Logger logger : context.getLoggerList()) {
            if (LoggingSettings.seesPayloads(logger.getName())
                    && !logger.getEffectiveLevel().isGreaterOrEqual(Level.INFO)) {
                logger.setLevel(Level.INFO);
            }
        }
    }

    /** Loggers come into being with the first use of what they are named after. */
    private static boolean isOnClassPath(String name) {
        return name.matches("[\\w.$]+")
                && LogLevels.class.getClassLoader().getResource(name.replace('.', '/') + ".class") != null;
    }

    private static LogLevel level(String text) {
        return Arrays.stream(LogLevel.values())
                .filter(level -> level.toString().equalsIgnoreCase(text))
                .findFirst()
                .orElseThrow(() ->
                        refused("there is no level \"" + text + "\"; allowed: " + LogLevel.names() + ", inherit"));
    }

    private static IllegalArgumentException refused(String why) {
        return new IllegalArgumentException(Code.LOG_LEVEL_REFUSED + " " + why);
    }
}
