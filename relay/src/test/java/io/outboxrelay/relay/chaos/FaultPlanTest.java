package io.outboxrelay.relay.chaos;

import java.util.EnumSet;
import java.util.stream.Collectors;

import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;

class FaultPlanTest {

    private static final int ROUND = FaultKind.values().length;

    @Test
    void theSameSeedGivesTheSameFaults() {
        assertThat(FaultPlan.first(7, 500)).isEqualTo(FaultPlan.first(7, 500));
    }

    @Test
    void anotherSeedGivesOtherFaults() {
        assertThat(FaultPlan.first(7, 500)).isNotEqualTo(FaultPlan.first(8, 500));
    }

    @Test
    void everyRoundHasEveryKind() {
        assertThat(FaultPlan.first(7, 2 * ROUND).stream()
                        .skip(ROUND)
                        .map(Fault::kind)
                        .collect(Collectors.toSet()))
                .isEqualTo(EnumSet.allOf(FaultKind.class));
    }

    @Test
    void aShorterRunIsTheBeginningOfALongerOne() {
        assertThat(FaultPlan.first(7, 200)).startsWith(FaultPlan.first(7, 50).toArray(Fault[]::new));
    }
}
