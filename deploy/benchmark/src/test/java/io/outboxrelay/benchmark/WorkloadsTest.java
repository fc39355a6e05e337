package io.outboxrelay.benchmark;

import java.util.List;

import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

final class WorkloadsTest {

    private final Workloads workloads = new Workloads(500_000, 30);

    @Test
    void theyAreChosenByNameInTheOrderThatIsAskedFor() {
        assertThat(workloads.chosen(List.of("start", "drain")))
                .extracting(Workload::name)
                .containsExactly("start", "drain");
    }

    @Test
    void noTwoHaveOneName() {
        assertThat(workloads.chosen(List.of("all")))
                .extracting(Workload::name)
                .doesNotHaveDuplicates()
                .contains("drain", "drain-many", "rate-20000");
    }

    @Test
    void aNameThatIsNoneIsRefusedWithThoseThatAre() {
        assertThatThrownBy(() -> workloads.chosen(List.of("drian")))
                .hasMessageStartingWith("benchmark.only: drian is none of [drain, ");
    }
}
