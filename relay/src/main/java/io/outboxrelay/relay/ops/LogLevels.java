package io.outboxrelay.relay.ops;

import java.util.List;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.LoggerContext;
import org.slf4j.LoggerFactory;

/**
 * How much is logged. Below INFO the libraries log what passes through them: Kafka's producer each record, Debezium each
 * row, the Postgres driver each parameter. So whatever configuration Logback was given, they stay at INFO or above.
 */
public final class LogLevels {

    private static final List<String> SEE_PAYLOADS =
            List.of("org.apache.kafka", "io.debezium", "org.postgresql", "com.zaxxer.hikari");

    private static final java.util.logging.Logger DRIVER = java.util.logging.Logger.getLogger("org.postgresql");

    private LogLevels() {}

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
        if (!(LoggerFactory.getILoggerFactory() instanceof LoggerContext context)) {
            throw new IllegalStateException("Logback is not what SLF4J found");
        }
        Logger own = context.getLogger("io.outboxrelay");
        if (verbose && own.getEffectiveLevel().isGreaterOrEqual(Level.DEBUG)) {
            own.setLevel(Level.DEBUG);
        }
        cap(context);
        // The driver logs by java.util.logging.
        DRIVER.setLevel(java.util.logging.Level.WARNING);
    }

    private static void cap(LoggerContext context) {
        SEE_PAYLOADS.forEach(context::getLogger);
        for (Logger logger : context.getLoggerList()) {
            boolean seesPayloads = SEE_PAYLOADS.stream()
                    .anyMatch(name ->
                            logger.getName().equals(name) || logger.getName().startsWith(name + "."));
            if (seesPayloads && !logger.getEffectiveLevel().isGreaterOrEqual(Level.INFO)) {
                logger.setLevel(Level.INFO);
            }
        }
    }
}
