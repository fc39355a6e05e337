package io.outboxrelay.benchmark;

import java.util.List;

import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;

final class ReportTest {

    @Test
    void theTableShowsMedianBestAndWorst() {
        Report report = new Report();
        for (double value : new double[] {20_000, 30_000, 10_000}) {
            report.add(List.of(Figure.more("drain", "rows/s", value), Figure.less("p99", "ms", value / 1000)));
        }
        List<String> lines = report.table().lines().toList();
        assertThat(cells(lines.get(2))).containsExactly("drain", "rows/s", "20,000", "30,000", "10,000");
        assertThat(cells(lines.get(3))).containsExactly("p99", "ms", "20.0", "10.0", "30.0");
    }

    private static List<String> cells(String line) {
        return List.of(line.substring(1).trim().split("\\s*\\|\\s*"));
    }
}
