package io.outboxrelay.relay.config;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.SortedMap;
import java.util.TreeMap;

import io.outboxrelay.api.AfterDelivery;
import io.outboxrelay.api.Code;
import io.outboxrelay.api.SourceFactory;
import io.outboxrelay.api.SourceProvider;
import io.outboxrelay.api.config.Settings;

/** Reads the section {@code source}. */
final class SourceSection {

    private static final String NONE = "none";
    private static final long LEAST_LOG = 16L << 20;
    private static final long MOST_LOG = 1L << 50;

    private final Settings section;
    private final SortedMap<String, SourceProvider> installed;
    private final AfterDelivery afterDelivery;
    private final Map<String, SourceFactory> configured = new TreeMap<>();

    SourceSection(Settings section, AfterDelivery afterDelivery, SortedMap<String, SourceProvider> installed) {
        this.section = section;
        this.afterDelivery = afterDelivery;
        this.installed = installed;
    }

    /** Empty if the section does not tell what to read from. */
    Optional<SourceSettings> read() {
        String type = section.text("type");
        String fallbackType = section.text("fallback");
        Duration after = section.duration("fallback-after", Duration.ZERO, Duration.ofHours(24));
        OptionalLong maxRetainedLog = section.optionalText("max-retained-wal").isEmpty()
                ? OptionalLong.empty()
                : OptionalLong.of(section.bytes("max-retained-wal", LEAST_LOG, MOST_LOG));
        if (!installed.containsKey(type)) {
            section.problem("type", "is \"" + type + "\"; allowed: " + orNothing(installed.keySet()));
            return Optional.empty();
        }
        SourceFactory primary = configured(type);
        Optional<SourceFactory> fallback = fallback(type, fallbackType);
        requireQueue(type, fallback.isPresent() ? fallbackType : NONE);
        return Optional.of(new SourceSettings(primary, fallback, after, maxRetainedLog));
    }

    private Optional<SourceFactory> fallback(String type, String fallbackType) {
        if (fallbackType.equals(NONE) || fallbackType.equals(type)) {
            return Optional.empty();
        }
        Optional<SourceFactory> named =
                installed.containsKey(fallbackType) ? Optional.of(configured(fallbackType)) : Optional.empty();
        if (named.isEmpty() || !named.get().isShared()) {
            List<String> tables = installed.keySet().stream()
                    .filter(other -> configured(other).isShared())
                    .toList();
            section.problem(
                    "fallback",
                    "is \"" + fallbackType + "\"; allowed: " + NONE
                            + (tables.isEmpty() ? "; no source that reads the table is installed" : ", ")
                            + String.join(", ", tables));
            return Optional.empty();
        }
        return configured(type).isShared() ? Optional.empty() : named;
    }

    private void requireQueue(String type, String fallbackType) {
        if (afterDelivery.tableIsQueue()) {
            return;
        }
        String why = " = keep leaves every row in the table, which then cannot tell what is unsent";
        if (configured(type).isShared()) {
            section.problem(
                    Code.CONFIG_CONTRADICTION,
                    "type",
                    "is \"" + type + "\", which reads the table; but outbox.after-delivery" + why
                            + ". Set outbox.after-delivery to delete, mark or drop-partition, or " + section.at("type")
                            + " to one that reads the log");
        } else if (!fallbackType.equals(NONE)) {
            section.problem(
                    Code.CONFIG_CONTRADICTION,
                    "fallback",
                    "is \"" + fallbackType + "\", which reads the table; but outbox.after-delivery" + why
                            + ". Set " + section.at("fallback") + " = none, or outbox.after-delivery to delete, mark or"
                            + " drop-partition");
        }
    }

    private SourceFactory configured(String type) {
        return configured.computeIfAbsent(
                type, name -> installed.get(name).configure(section.section(name), afterDelivery));
    }

    private static String orNothing(Iterable<String> types) {
        String all = String.join(", ", types);
        return all.isEmpty() ? "none is installed" : all;
    }
}
