package io.outboxrelay.relay.config;

import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

import io.outboxrelay.api.config.Settings;

/**
 * The section {@code logging}.
 *
 * @param format what a line looks like
 * @param level how much the relay itself logs
 * @param levels how much single loggers log, by their names
 */
public record LoggingSettings(LogFormat format, LogLevel level, Map<String, LogLevel> levels) {

    /** Libraries that log what passes through them below INFO: records, rows, parameters. */
    private static final List<String> SEE_PAYLOADS =
            List.of("org.apache.kafka", "io.debezium", "org.postgresql", "com.zaxxer.hikari");

    /** Copies the levels. */
    public LoggingSettings {
        levels = Map.copyOf(levels);
    }

    static LoggingSettings read(Settings section) {
        Map<String, LogLevel> levels = new TreeMap<>();
        Settings single = section.section("levels");
        section.texts("levels").forEach((logger, text) -> {
            try {
                LogLevel level = LogLevel.valueOf(text.toUpperCase(Locale.ROOT));
                Optional<String> refusal = refusal(logger, level);
                refusal.ifPresent(why -> single.problem(quoted(logger), why));
                levels.put(logger, level);
            } catch (IllegalArgumentException e) {
                single.problem(quoted(logger), "is \"" + text + "\"; allowed: " + LogLevel.names());
            }
        });
        return new LoggingSettings(
                section.choice("format", LogFormat.class), section.choice("level", LogLevel.class), levels);
    }

    /** Whether a logger is one of those that log the content of events below INFO. */
    public static boolean seesPayloads(String logger) {
        return SEE_PAYLOADS.stream().anyMatch(name -> logger.equals(name) || logger.startsWith(name + "."));
    }

    /** The loggers above all of those. */
    public static List<String> whatSeesPayloads() {
        return SEE_PAYLOADS;
    }

    /** Why a logger may not have a level; empty if it may. */
    public static Optional<String> refusal(String logger, LogLevel level) {
        return seesPayloads(logger) && level.compareTo(LogLevel.INFO) > 0
                ? Optional.of("may not be " + level + ": below info it logs the content of events. Allowed: off, error,"
                        + " warn, info")
                : Optional.empty();
    }

    private static String quoted(String logger) {
        return "\"" + logger + "\"";
    }
}
