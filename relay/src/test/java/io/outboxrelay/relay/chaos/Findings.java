package io.outboxrelay.relay.chaos;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Collectors;

import io.outboxrelay.testkit.history.Offence;
import io.outboxrelay.testkit.history.Verdict;

/**
 * What a campaign came to.
 *
 * @param seed of the faults and the writers
 * @param length of the campaign
 * @param outcomes one of each fault
 * @param skipped faults that the machine does not allow
 * @param samples one a second
 * @param verdict of the whole history
 * @param putAside how many events were put aside, and redriven in the end
 * @param longestStall the longest time without a new event in Kafka
 */
record Findings(
        long seed,
        Duration length,
        List<Outcome> outcomes,
        List<Fault> skipped,
        List<Sample> samples,
        Verdict verdict,
        int putAside,
        Duration longestStall) {

    /** All faults of one kind. */
    record OfKind(FaultKind kind, List<Outcome> outcomes) {

        List<Duration> recoveries() {
            return outcomes.stream().map(Outcome::recovery).sorted().toList();
        }

        List<Duration> wholes() {
            return outcomes.stream().map(Outcome::whole).sorted().toList();
        }

        List<Duration> unready() {
            return outcomes.stream()
                    .map(Outcome::unready)
                    .flatMap(Optional::stream)
                    .sorted()
                    .toList();
        }
    }

    /**
     * How the promise was broken. A batch that comes once more by itself is allowed here and counted: a relay that was
     * paused beyond its lease, or whose client was given up, may have one on its way ({@code docs/guarantees.md}).
     */
    List<Offence> broken() {
        return verdict.offences().stream()
                .filter(offence -> offence.kind() != Offence.Kind.BROKEN_REPLAY)
                .toList();
    }

    List<OfKind> byKind() {
        return Arrays.stream(FaultKind.values())
                .map(kind -> new OfKind(
                        kind,
                        outcomes.stream()
                                .filter(outcome -> outcome.fault().kind() == kind)
                                .toList()))
                .filter(kind -> !kind.outcomes().isEmpty())
                .toList();
    }

    /** The head of the table: name and figure. */
    List<List<String>> figures() {
        List<List<String>> rows = new ArrayList<>();
        rows.add(List.of("seed", Long.toString(seed)));
        rows.add(List.of("length", seconds(length)));
        rows.add(List.of("faults injected", Integer.toString(outcomes.size())));
        for (FaultKind.Category category : FaultKind.Category.values()) {
            rows.add(List.of(
                    "… " + category.name().toLowerCase(Locale.ROOT),
                    Long.toString(outcomes.stream()
                            .filter(outcome -> outcome.fault().kind().category() == category)
                            .count())));
        }
        rows.add(List.of("events committed", Integer.toString(verdict.committed())));
        rows.add(List.of("messages delivered", Integer.toString(verdict.received())));
        rows.add(List.of("put aside, redriven in the end", Integer.toString(putAside)));
        rows.add(List.of("duplicated", Integer.toString(verdict.duplicates())));
        rows.add(List.of("lost", Integer.toString(verdict.count(Offence.Kind.LOST))));
        rows.add(List.of("out of order", Integer.toString(verdict.count(Offence.Kind.OUT_OF_ORDER))));
        rows.add(List.of("rolled back, yet seen", Integer.toString(verdict.count(Offence.Kind.PHANTOM))));
        rows.add(List.of(
                "late batches of paused relays and given-up clients, within which a replay skips",
                Integer.toString(verdict.count(Offence.Kind.BROKEN_REPLAY))));
        rows.add(List.of(
                "other offences",
                Integer.toString(broken().size()
                        - verdict.count(Offence.Kind.LOST)
                        - verdict.count(Offence.Kind.OUT_OF_ORDER)
                        - verdict.count(Offence.Kind.PHANTOM))));
        rows.add(List.of("longest stall", seconds(longestStall)));
        return rows;
    }

    /** The table by kind, its head first. */
    List<List<String>> kinds() {
        List<List<String>> rows = new ArrayList<>();
        rows.add(List.of(
                "fault",
                "times",
                "all delivered after, median",
                "at most",
                "not ready after, median",
                "times noticed",
                "one reads, one stands by after, median",
                "at most"));
        for (OfKind kind : byKind()) {
            rows.add(List.of(
                    kind.kind().text(),
                    Integer.toString(kind.outcomes().size()),
                    median(kind.recoveries()),
                    max(kind.recoveries()),
                    median(kind.unready()),
                    Integer.toString(kind.unready().size()),
                    median(kind.wholes()),
                    max(kind.wholes())));
        }
        return rows;
    }

    /** Both tables in Markdown. */
    String markdown() {
        return "| | |\n|---|---|\n" + figures().stream().map(Findings::row).collect(Collectors.joining()) + "\n"
                + row(kinds().get(0)) + "|---" + "|---:".repeat(kinds().get(0).size() - 1) + "|\n"
                + kinds().stream().skip(1).map(Findings::row).collect(Collectors.joining());
    }

    static String seconds(Duration duration) {
        return String.format(Locale.ROOT, "%.1f s", duration.toMillis() / 1000.0);
    }

    private static String median(List<Duration> sorted) {
        return sorted.isEmpty() ? "–" : seconds(sorted.get((sorted.size() - 1) / 2));
    }

    private static String max(List<Duration> sorted) {
        return sorted.isEmpty() ? "–" : seconds(sorted.get(sorted.size() - 1));
    }

    private static String row(List<String> cells) {
        return cells.stream().collect(Collectors.joining(" | ", "| ", " |\n"));
    }
}
