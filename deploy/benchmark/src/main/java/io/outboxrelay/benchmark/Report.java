package io.outboxrelay.benchmark;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;

/**
 * The results for people ({@code report.md} and a chart for each figure that subjects can be compared by) and for programs
 * ({@code benchmark.json}).
 *
 * @param setting what was measured, on what
 * @param workloads in their order
 */
record Report(Map<String, Object> setting, List<Workload> workloads) {

    /** What others are compared with, if it was measured. */
    private static final List<String> REFERENCES =
            List.of("debezium-server", "debezium-server-tuned", "pg_recvlogical");

    void write(Path directory, Results results) throws IOException {
        Files.writeString(directory.resolve("report.md"), markdown(results));
        new ObjectMapper()
                .enable(SerializationFeature.INDENT_OUTPUT)
                .writeValue(directory.resolve("benchmark.json").toFile(), json(results));
        for (Workload workload : workloads) {
            for (List<Series> bars : byFigure(results.of(workload)).values()) {
                if (bars.size() > 1) {
                    Series first = bars.get(0);
                    String file = workload.name() + "-" + first.figure().replaceAll("[^A-Za-z0-9.]+", "-") + ".svg";
                    Files.writeString(directory.resolve(file), new BarChart(workload.title(), bars).svg());
                }
            }
        }
    }

    /** What was measured on what, and a table for each workload. */
    String markdown(Results results) {
        StringBuilder text = new StringBuilder();
        setting.forEach((name, value) ->
                text.append("- ").append(name).append(": ").append(value).append('\n'));
        for (Workload workload : workloads) {
            List<Series> series = results.of(workload);
            if (!series.isEmpty()) {
                text.append("\n### ")
                        .append(workload.title())
                        .append(" (`")
                        .append(workload.name())
                        .append("`)\n\n");
                text.append(table(series));
            }
        }
        if (!results.failures().isEmpty()) {
            text.append("\n### Failed\n\n");
            results.failures()
                    .forEach(failure -> text.append("- ").append(failure).append('\n'));
        }
        return text.toString();
    }

    /** The median, from the best to the worst, and the median as a multiple of those of the references. */
    private static String table(List<Series> all) {
        List<String> references = REFERENCES.stream()
                .filter(reference ->
                        all.stream().anyMatch(series -> series.subject().equals(reference)))
                .toList();
        StringBuilder table = new StringBuilder("| | | median | best | worst |");
        references.forEach(reference -> table.append(" of ").append(reference).append(" |"));
        table.append("\n|---|---|--:|--:|--:|")
                .append("--:|".repeat(references.size()))
                .append('\n');
        byFigure(all)
                .values()
                .forEach(bars -> bars.forEach(series -> {
                    table.append(Stream.of(
                                    series.figure() + ", " + series.unit(),
                                    series.subject(),
                                    number(series.median()),
                                    number(series.best()),
                                    number(series.worst()))
                            .collect(Collectors.joining(" | ", "| ", " |")));
                    references.forEach(reference -> table.append(' ')
                            .append(multiple(series, bars, reference))
                            .append(" |"));
                    table.append('\n');
                }));
        return table.toString();
    }

    private static String multiple(Series series, List<Series> bars, String reference) {
        Optional<Series> other = bars.stream()
                .filter(bar -> bar.subject().equals(reference) && bar.median() > 0)
                .findFirst();
        return series.subject().equals(reference)
                ? ""
                : other.map(bar -> String.format(Locale.ROOT, "%.2f ×", series.median() / bar.median()))
                        .orElse("");
    }

    private static Map<String, List<Series>> byFigure(List<Series> all) {
        return all.stream().collect(Collectors.groupingBy(Series::figure, LinkedHashMap::new, Collectors.toList()));
    }

    private Map<String, Object> json(Results results) {
        Map<String, Object> json = new LinkedHashMap<>(setting);
        json.put(
                "figures",
                results.all().stream()
                        .map(series -> {
                            Map<String, Object> figure = new LinkedHashMap<>();
                            figure.put("workload", series.workload());
                            figure.put("figure", series.figure());
                            figure.put("unit", series.unit());
                            figure.put("subject", series.subject());
                            figure.put("median", series.median());
                            figure.put("rounds", series.rounds());
                            return figure;
                        })
                        .toList());
        json.put("failures", results.failures());
        return json;
    }

    static String number(double value) {
        return String.format(Locale.ROOT, value >= 1000 ? "%,.0f" : "%.1f", value);
    }
}
