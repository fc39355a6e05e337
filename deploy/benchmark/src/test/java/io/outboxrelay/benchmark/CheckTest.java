package io.outboxrelay.benchmark;

import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

final class CheckTest {

    private final Check check = new Check(3);

    @Test
    void aReplayIsCountedAndNoFault() {
        check.received("a", 0);
        check.received("a", 1);
        check.received("b", 2);
        check.received("a", 0);
        check.received("a", 1);
        check.requireRight();
        assertThat(check.duplicates()).isEqualTo(2);
    }

    @Test
    void aMissingRowIsAFault() {
        check.received("a", 0);
        check.received("b", 2);
        assertThat(check.isComplete()).isFalse();
        assertThatThrownBy(check::requireRight).hasMessageContaining("1 are missing");
    }

    @Test
    void anEarlierRowOfAnAggregateBehindALaterOneIsAFault() {
        check.received("a", 1);
        check.received("a", 0);
        check.received("b", 2);
        assertThatThrownBy(check::requireRight).hasMessageContaining("1 out of order");
    }

    @Test
    void aRowThatNobodyCommittedIsAFault() {
        check.received("a", 0);
        check.received("a", 1);
        check.received("b", 2);
        check.received("b", 3);
        assertThatThrownBy(check::requireRight).hasMessageContaining("1 unknown");
    }
}
