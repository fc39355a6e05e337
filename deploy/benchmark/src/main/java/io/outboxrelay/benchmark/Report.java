package io.outboxrelay.benchmark;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;

/** The figures of all rounds, for people and for programs. */
final class Report {

    private final Map<String, List<Figure>> rounds = new LinkedHashMap<>();

    void add(List<Figure> figures) {
        figures.forEach(figure ->
                rounds.computeIfAbsent(figure.name(), name -> new ArrayList<>()).add(figure));
    }

    /** A table in Markdown: the median, and from the best to the worst. */
    String table() {
        StringBuilder table = new StringBuilder(
                String.format("| %-36s | %-9s | %10s | %10s | %10s |%n", "", "unit", "median", "best", "worst"));
        table.append("|---|---|--:|--:|--:|\n");
        rounds.forEach((name, figures) -> {
            List<Double> sorted = fromBestToWorst(figures);
            table.append(String.format(
                    Locale.ROOT,
                    "| %-36s | %-9s | %10s | %10s | %10s |%n",
                    name,
                    figures.get(0).unit(),
                    number(median(sorted)),
                    number(sorted.get(0)),
                    number(sorted.get(sorted.size() - 1))));
        });
        return table.toString();
    }

    /** Writes all values, with what they were measured on. */
    void write(Path file, Map<String, Object> setting) throws IOException {
        Map<String, Object> all = new LinkedHashMap<>(setting);
        List<Map<String, Object>> figures = new ArrayList<>();
        rounds.forEach((name, values) -> {
            Map<String, Object> figure = new LinkedHashMap<>();
            figure.put("name", name);
            figure.put("unit", values.get(0).unit());
            figure.put("median", median(fromBestToWorst(values)));
            figure.put("rounds", values.stream().map(Figure::value).toList());
            figures.add(figure);
        });
        all.put("figures", figures);
        new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT).writeValue(file.toFile(), all);
    }

    private static List<Double> fromBestToWorst(List<Figure> figures) {
        List<Double> values =
                new ArrayList<>(figures.stream().map(Figure::value).sorted().toList());
        if (figures.get(0).moreIsBetter()) {
            Collections.reverse(values);
        }
        return values;
    }

    private static double median(List<Double> sorted) {
        int middle = sorted.size() / 2;
        return sorted.size() % 2 == 1 ? sorted.get(middle) : (sorted.get(middle - 1) + sorted.get(middle)) / 2;
    }

    private static String number(double value) {
        return String.format(Locale.ROOT, value >= 1000 ? "%,.0f" : "%.1f", value);
    }
}
