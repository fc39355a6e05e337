package io.outboxrelay.benchmark;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The figures of all rounds, and what failed. */
final class Results {

    private record Key(String workload, String figure, String unit, String subject, boolean moreIsBetter) {}

    private final Map<Key, List<Double>> values = new LinkedHashMap<>();
    private final List<String> failures = new ArrayList<>();

    void add(Workload workload, Subject subject, List<Figure> figures) {
        for (Figure figure : figures) {
            Key key = new Key(workload.name(), figure.name(), figure.unit(), subject.name(), figure.moreIsBetter());
            values.computeIfAbsent(key, absent -> new ArrayList<>()).add(figure.value());
        }
    }

    /** A subject that did not do its work right has no figure in that round. */
    void addFailure(String failure) {
        failures.add(failure);
    }

    List<String> failures() {
        return List.copyOf(failures);
    }

    List<Series> all() {
        return values.entrySet().stream()
                .map(entry -> {
                    Key key = entry.getKey();
                    return new Series(
                            key.workload(),
                            key.figure(),
                            key.unit(),
                            key.subject(),
                            key.moreIsBetter(),
                            List.copyOf(entry.getValue()));
                })
                .toList();
    }

    List<Series> of(Workload workload) {
        return all().stream()
                .filter(series -> series.workload().equals(workload.name()))
                .toList();
    }
}
