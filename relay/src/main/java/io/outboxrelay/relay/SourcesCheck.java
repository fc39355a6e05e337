package io.outboxrelay.relay;

import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

import io.outboxrelay.api.Code;
import io.outboxrelay.api.Finding;
import io.outboxrelay.api.OutboxDatabase;
import io.outboxrelay.relay.config.SourceSettings;

/**
 * What was found of the source and of its fallback, before either reads.
 *
 * @param primary what the source said
 * @param fallback what the fallback said; nothing where there is none
 * @param hasFallback whether there is one
 */
record SourcesCheck(List<Finding> primary, List<Finding> fallback, boolean hasFallback) {

    /** Asks both. Changes nothing. */
    static SourcesCheck of(SourceSettings settings, OutboxDatabase database) throws SQLException {
        List<Finding> primary = settings.primary().check(database);
        if (settings.fallback().isEmpty()) {
            return new SourcesCheck(primary, List.of(), false);
        }
        List<Finding> fallback = new ArrayList<>(settings.fallback().get().check(database));
        settings.primary().eventsWithoutRow().map(SourcesCheck::lostByFallback).ifPresent(fallback::add);
        return new SourcesCheck(primary, fallback, true);
    }

    boolean primaryWorks() {
        return errors(primary).isEmpty();
    }

    boolean fallbackWorks() {
        return hasFallback && errors(fallback).isEmpty();
    }

    /**
     * What to tell an operator: an error of one of the two is a warning while the other can read, since then no row is
     * lost and none waits.
     */
    List<Finding> findings() {
        List<Finding> findings = new ArrayList<>();
        boolean works = primaryWorks();
        for (Finding finding : primary) {
            findings.add(fallbackWorks() ? mild(finding, "The log cannot be read, so the table is") : finding);
        }
        for (Finding finding : fallback) {
            findings.add(
                    finding.level() != Finding.Level.ERROR
                            ? finding
                            : Finding.warning(
                                    finding.code().orElseThrow(),
                                    finding.subject(),
                                    sentence(finding)
                                            + (works
                                                    ? "Should the log be lost, the relay cannot go on from the table"
                                                    : "So the relay cannot go on from the table either"),
                                    orNone(finding.remedy())));
        }
        return findings;
    }

    static List<Finding> errors(List<Finding> findings) {
        return findings.stream()
                .filter(finding -> finding.level() == Finding.Level.ERROR)
                .toList();
    }

    /** Errors in one line. */
    static String text(List<Finding> errors) {
        return errors.stream().map(Finding::toString).collect(Collectors.joining(" | "));
    }

    private static Finding lostByFallback(String setting) {
        return Finding.warning(
                Code.FALLBACK_LOSES_EVENTS,
                "source.fallback",
                "reads the table, and with " + setting + " there are events that only the log has: should the log be"
                        + " given up, those that were not relayed until then are lost.",
                "set source.fallback = none; then the relay halts instead, and keeps the log");
    }

    private static Finding mild(Finding finding, String consequence) {
        return finding.level() == Finding.Level.ERROR
                ? Finding.warning(
                        finding.code().orElseThrow(),
                        finding.subject(),
                        sentence(finding) + consequence,
                        finding.remedy())
                : finding;
    }

    private static String sentence(Finding finding) {
        return finding.text() + (finding.text().endsWith(".") ? " " : ". ");
    }

    private static String orNone(String remedy) {
        return (remedy.isEmpty() ? "" : remedy + "; or ") + "set source.fallback = none";
    }
}
