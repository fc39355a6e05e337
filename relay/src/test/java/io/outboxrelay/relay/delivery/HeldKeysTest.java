package io.outboxrelay.relay.delivery;

import java.time.Instant;
import java.util.List;

import io.outboxrelay.api.OutboxEvent;
import io.outboxrelay.api.Position;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;

class HeldKeysTest {

    private final HeldKeys held = new HeldKeys();

    @Test
    void anAggregateThatWaitsIsNotShownAsHaltedAndNobodyCanSkipIt() {
        held.hold(pending(1));
        held.queueBehind(pending(2));

        assertThat(held.halted()).isEmpty();
        assertThat(held.release("e1")).isEmpty();
    }

    @Test
    void whatWaitedIsReleasedInOrder() {
        Pending first = pending(1);
        held.hold(first);
        Pending third = pending(3);
        Pending second = pending(2);
        held.queueBehind(third);
        held.queueBehind(second);

        assertThat(held.release(first)).containsExactly(first, second, third);
        assertThat(held.queueBehind(pending(4))).isFalse();
    }

    @Test
    void anEarlierEventThatIsRejectedHaltsAnAggregateThatWaits() {
        Pending first = pending(1);
        Pending second = pending(2);
        held.hold(second);
        held.halt(first, "too large");

        assertThat(held.release(second)).as("it goes behind the first").isEmpty();
        assertThat(held.halted())
                .singleElement()
                .satisfies(halted -> assertThat(halted.waiting()).isEqualTo(1));
        assertThat(held.release("e1")).containsExactly(first, second);
    }

    @Test
    void anEarlierEventThatHasToWaitGoesBeforeOneThatIsReady() {
        Pending first = pending(1);
        Pending second = pending(2);
        held.hold(second);
        held.hold(first);

        assertThat(held.release(second)).isEmpty();
        assertThat(held.release(first)).isEqualTo(List.of(first, second));
    }

    @Test
    void aHaltedEventStaysHaltedWhenAnEarlierOneThatHadToWaitIsReady() {
        Pending first = pending(1);
        Pending second = pending(2);
        held.halt(second, "too large");
        held.queueBehind(pending(3));
        held.hold(first);

        assertThat(held.halted()).isEmpty();
        assertThat(held.release(first)).containsExactly(first);
        assertThat(held.halted())
                .singleElement()
                .satisfies(halted -> assertThat(halted.event()).isEqualTo(second.event()));
        assertThat(held.release("e2")).startsWith(second).hasSize(2);
    }

    private static Pending pending(long sequence) {
        OutboxEvent event =
                new OutboxEvent("e" + sequence, "order", "a", "placed", null, null, Instant.EPOCH, new NoPosition());
        return new Pending(sequence, event, new Pending.Batch(sequence, 1, index -> {}));
    }

    private record NoPosition() implements Position {
        @Override
        public int compareTo(Position other) {
            return 0;
        }
    }
}
