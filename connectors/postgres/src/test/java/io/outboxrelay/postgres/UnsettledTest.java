package io.outboxrelay.postgres;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;

import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;

class UnsettledTest {

    private final AtomicInteger changes = new AtomicInteger();
    private final Unsettled<String> unsettled = new Unsettled<>(changes::incrementAndGet);

    @Test
    void onlyTheSettledPrefixIsTakenOut() {
        CompletableFuture<Void> first = new CompletableFuture<>();
        CompletableFuture<Void> second = new CompletableFuture<>();
        unsettled.add("first", first);
        unsettled.add("second", second);

        second.complete(null);
        assertThat(unsettled.takeSettled()).isEmpty();

        first.complete(null);
        assertThat(unsettled.takeSettled()).contains("second");
        assertThat(unsettled.takeSettled()).isEmpty();
    }

    @Test
    void behindABatchThatWaitsWhatIsSettledTakesNoMemory() {
        CompletableFuture<Void> waiting = new CompletableFuture<>();
        unsettled.add("waiting", waiting);
        CompletableFuture<Void> slow = new CompletableFuture<>();
        for (int i = 0; i < 1000; i++) {
            unsettled.add("settled " + i, i == 500 ? slow : CompletableFuture.completedFuture(null));
        }
        assertThat(unsettled.size()).isEqualTo(4);
        slow.complete(null);
        assertThat(unsettled.size()).isEqualTo(2);

        waiting.complete(null);
        assertThat(unsettled.takeSettled()).contains("settled 999");
        assertThat(unsettled.size()).isZero();
    }

    @Test
    void aBatchThatFailsIsNeverSettledNorWhatFollowsIt() {
        unsettled.add("first", CompletableFuture.failedFuture(new IllegalStateException()));
        unsettled.add("second", CompletableFuture.completedFuture(null));

        assertThat(unsettled.takeSettled()).isEmpty();
    }

    @Test
    void itIsEmptyOnceAllIsSettledAndTellsOfEveryChange() {
        CompletableFuture<Void> first = new CompletableFuture<>();
        CompletableFuture<Void> second = new CompletableFuture<>();
        assertThat(unsettled.isEmpty()).isTrue();
        unsettled.add("first", first);
        unsettled.add("second", second);
        assertThat(changes).hasValue(0);

        second.complete(null);
        assertThat(unsettled.isEmpty()).isFalse();
        first.complete(null);

        assertThat(unsettled.isEmpty()).isTrue();
        assertThat(changes).hasValue(2);
    }

    @Test
    void ofABatchWithoutAMarkNothingNewIsSaid() {
        unsettled.add("mark", CompletableFuture.completedFuture(null));
        assertThat(unsettled.takeSettled()).contains("mark");
        unsettled.add(null, CompletableFuture.completedFuture(null));

        assertThat(unsettled.takeSettled()).isEmpty();
        assertThat(unsettled.size()).isZero();
    }
}
