package io.outboxrelay.testkit.history;

import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import java.util.stream.Stream;

import io.outboxrelay.testkit.history.Offence.Kind;

/**
 * What is wrong with a history, and what is not.
 *
 * @param committed how many events were committed
 * @param received how many records were received
 * @param duplicates how many of them repeated an event: no offence, but a cost
 * @param offences all of them
 */
public record Verdict(int committed, int received, int duplicates, List<Offence> offences) {

    private static final int SHOWN_OF_A_KIND = 5;

    /** Copies the offences. */
    public Verdict {
        offences = List.copyOf(offences);
    }

    /** Whether the promise was kept. */
    public boolean isCorrect() {
        return offences.isEmpty();
    }

    /** How often the promise was broken in this way. */
    public int count(Kind kind) {
        return of(kind).size();
    }

    /** The offences of one kind. */
    public List<Offence> of(Kind kind) {
        return offences.stream().filter(offence -> offence.kind() == kind).toList();
    }

    /** Throws an {@link AssertionError} with the report if the promise was broken. */
    public void requireCorrect() {
        if (!isCorrect()) {
            throw new AssertionError(report());
        }
    }

    /** A line of figures, and the first offenders of each kind. */
    public String report() {
        String figures = Stream.of(Kind.values())
                .map(kind -> " " + name(kind) + "=" + count(kind))
                .collect(Collectors.joining(
                        "", "committed=" + committed + " received=" + received + " duplicates=" + duplicates, ""));
        return Stream.concat(Stream.of(figures), Stream.of(Kind.values()).flatMap(this::offenders))
                .collect(Collectors.joining("\n"));
    }

    /** The report. */
    @Override
    public String toString() {
        return report();
    }

    private Stream<String> offenders(Kind kind) {
        List<Offence> all = of(kind);
        Stream<String> first = all.stream().limit(SHOWN_OF_A_KIND).map(offence -> "  " + name(kind) + ": " + offence);
        return all.size() > SHOWN_OF_A_KIND
                ? Stream.concat(
                        first, Stream.of("  " + name(kind) + ": and " + (all.size() - SHOWN_OF_A_KIND) + " more"))
                : first;
    }

    private static String name(Kind kind) {
        return kind.name().toLowerCase(Locale.ROOT);
    }
}
