package io.outboxrelay.relay.command;

import java.time.Duration;
import java.util.List;
import java.util.Locale;

/** Bytes and durations for people. */
final class Amounts {

    private static final List<String> UNITS = List.of("B", "kB", "MB", "GB", "TB", "PB");
    private static final double STEP = 1024;
    private static final Duration TENTHS = Duration.ofSeconds(10);

    private Amounts() {}

    /** {@code 512 B}, {@code 1.5 MB}. */
    static String bytes(long bytes) {
        double value = bytes;
        int unit = 0;
        while (value >= STEP && unit < UNITS.size() - 1) {
            value /= STEP;
            unit++;
        }
        return String.format(Locale.ROOT, unit == 0 ? "%.0f %s" : "%.1f %s", value, UNITS.get(unit));
    }

    /** For people: {@code 3 d 4 h}, {@code 2 min 5 s}, {@code 1.2 s}. */
    static String text(Duration duration) {
        if (duration.compareTo(Duration.ofMinutes(1)) < 0) {
            return duration.compareTo(TENTHS) < 0
                    ? String.format(Locale.ROOT, "%.1f s", duration.toMillis() / 1000.0)
                    : duration.toSeconds() + " s";
        }
        if (duration.compareTo(Duration.ofHours(1)) < 0) {
            return duration.toMinutes() + " min " + duration.toSecondsPart() + " s";
        }
        return duration.compareTo(Duration.ofDays(1)) < 0
                ? duration.toHours() + " h " + duration.toMinutesPart() + " min"
                : duration.toDays() + " d " + duration.toHoursPart() + " h";
    }
}
