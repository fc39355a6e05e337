package io.outboxrelay.benchmark;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import static org.assertj.core.api.Assertions.assertThat;

final class ReportTest {

    private static final Workload DRAIN = new Workload(
            "drain", "Backlog of 5 rows", EnumSet.allOf(Subject.Kind.class), (subject, outbox) -> List.of());
    private static final Subject RELAY =
            new RelaySubject("relay-debezium", "debezium", Path.of("relay"), Path.of("files"), "", "", true);
    private static final Subject OTHER = new DebeziumServerSubject(
            "debezium-server-tuned", Path.of("server"), Optional.empty(), Path.of("files"), "", "");

    private final Results results = new Results();
    private final Report report = new Report(Map.of("Java", "17"), List.of(DRAIN));

    @Test
    void theTableShowsMedianBestAndWorstAndTheMultipleOfTheReference() {
        for (double value : new double[] {20_000, 30_000, 10_000}) {
            results.add(DRAIN, RELAY, List.of(Figure.more("drained", "rows/s", value)));
            results.add(DRAIN, OTHER, List.of(Figure.more("drained", "rows/s", value / 4)));
        }
        List<String> lines = report.markdown(results).lines().toList();
        assertThat(lines.get(0)).isEqualTo("- Java: 17");
        assertThat(lines.get(2)).isEqualTo("### Backlog of 5 rows (`drain`)");
        assertThat(cells(lines.get(4))).containsExactly("", "", "median", "best", "worst", "of debezium-server-tuned");
        assertThat(cells(lines.get(6)))
                .containsExactly("drained, rows/s", "relay-debezium", "20,000", "30,000", "10,000", "4.00 ×");
        assertThat(cells(lines.get(7)))
                .containsExactly("drained, rows/s", "debezium-server-tuned", "5,000", "7,500", "2,500", "");
    }

    @Test
    void aFailureIsToldAndHasNoFigure() {
        results.addFailure("drain, relay-debezium: of 5 rows 1 are missing");
        assertThat(report.markdown(results))
                .contains("### Failed")
                .contains("- drain, relay-debezium: of 5 rows 1 are missing")
                .doesNotContain("Backlog");
    }

    @Test
    void everyRoundIsInTheJsonAndComparedSubjectsHaveAPicture(@TempDir Path directory) throws Exception {
        for (double value : new double[] {3, 1, 2}) {
            results.add(DRAIN, RELAY, List.of(Figure.less("resident at most", "MB", value)));
        }
        results.add(DRAIN, OTHER, List.of(Figure.less("resident at most", "MB", 4)));
        report.write(directory, results);

        JsonNode figure = new ObjectMapper()
                .readTree(directory.resolve("benchmark.json").toFile())
                .get("figures")
                .get(0);
        assertThat(figure.get("subject").asText()).isEqualTo("relay-debezium");
        assertThat(figure.get("median").asDouble()).isEqualTo(2);
        assertThat(figure.get("rounds").toString()).isEqualTo("[3.0,1.0,2.0]");
        assertThat(Files.readString(directory.resolve("drain-resident-at-most.svg")))
                .contains(">relay-debezium</text>", ">debezium-server-tuned</text>", "resident at most, MB");
    }

    private static List<String> cells(String line) {
        return List.of(line.substring(1).trim().split("\\s*\\|\\s*", -1)).subList(0, line.split("\\|", -1).length - 2);
    }
}
