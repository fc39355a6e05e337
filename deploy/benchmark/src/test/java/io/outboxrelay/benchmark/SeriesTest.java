package io.outboxrelay.benchmark;

import java.util.Arrays;

import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;

final class SeriesTest {

    @Test
    void theMedianOfAnOddNumberOfRoundsIsTheMiddleOne() {
        assertThat(series(true, 5, 1, 3).median()).isEqualTo(3);
    }

    @Test
    void theMedianOfAnEvenNumberOfRoundsIsBetweenTheMiddleTwo() {
        assertThat(series(true, 4, 1, 10, 2).median()).isEqualTo(3);
    }

    @Test
    void whatIsBestDependsOnTheFigure() {
        assertThat(series(true, 5, 1, 3).best()).isEqualTo(5);
        assertThat(series(true, 5, 1, 3).worst()).isEqualTo(1);
        assertThat(series(false, 5, 1, 3).best()).isEqualTo(1);
        assertThat(series(false, 5, 1, 3).worst()).isEqualTo(5);
    }

    private static Series series(boolean moreIsBetter, double... rounds) {
        return new Series(
                "drain",
                "drained",
                "rows/s",
                "relay-debezium",
                moreIsBetter,
                Arrays.stream(rounds).boxed().toList());
    }
}
