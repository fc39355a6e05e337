package io.outboxrelay.relay.delivery;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;

import io.outboxrelay.api.OutboxEvent;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import static org.assertj.core.api.Assertions.assertThat;

@Timeout(60)
class RateLimitTest {

    private final VirtualClock clock = new VirtualClock();
    private final ScriptedBroker broker = new ScriptedBroker();
    private Delivery delivery = delivery(RateLimit.of(100, 10, clock), 1_000);

    @AfterEach
    void close() {
        delivery.close();
    }

    @Test
    void aFullBucketLetsTheBurstPassAtOnceAndNotOneMore() throws Exception {
        send(1, 50);

        assertThat(stored()).hasSize(10);
    }

    @Test
    void afterTheBurstEventsPassAtTheRateAndInTheirOrder() throws Exception {
        CompletableFuture<Void> settled = deliver(1, 50);

        clock.pass(100_001, TimeUnit.MICROSECONDS);
        assertThat(stored()).hasSize(20);
        clock.pass(299, TimeUnit.MILLISECONDS);
        assertThat(stored()).hasSize(49);
        assertThat(settled).isNotDone();
        clock.pass(1, TimeUnit.MILLISECONDS);
        assertThat(stored()).isEqualTo(names(1, 50));
        assertThat(settled).isCompleted();
    }

    @ParameterizedTest
    @CsvSource({"1, 1", "7, 3", "1000, 1", "1000, 1000", "50000, 100", "10000000, 10000000"})
    void withinAnyTimeNoMorePassThanTheBurstAndWhatTheRateGives(int rate, int burst) throws Exception {
        delivery.close();
        delivery = delivery(RateLimit.of(rate, burst, clock), 1_000_000);
        send(1, 2_000);
        List<Integer> passed = new ArrayList<>(List.of(stored().size()));
        for (int millisecond = 1; millisecond <= 1_000; millisecond++) {
            clock.pass(1, TimeUnit.MILLISECONDS);
            passed.add(stored().size());
        }

        assertThat(passed.get(1_000)).as("the rate is reached").isGreaterThanOrEqualTo(Math.min(2_000, rate));
        for (int from = 0; from <= 1_000; from += 10) {
            for (int to = from + 1; to <= 1_000; to += 7) {
                assertThat(passed.get(to) - passed.get(from))
                        .as("from %s to %s ms", from, to)
                        .isLessThanOrEqualTo((int) (burst + (to - from) * (long) rate / 1_000));
            }
        }
    }

    @Test
    void aQuietTimeFillsTheBucketToTheBurstAndNoFurther() throws Exception {
        send(1, 10);
        clock.pass(1, TimeUnit.HOURS);
        send(11, 50);

        assertThat(stored()).hasSize(20);
    }

    @Test
    void aLaterEventDoesNotPassOneThatWaits() throws Exception {
        send(1, 11);
        clock.pass(9, TimeUnit.MILLISECONDS);
        send(12, 12);
        clock.pass(1_001, TimeUnit.MICROSECONDS);
        assertThat(stored()).isEqualTo(names(1, 11));

        clock.pass(1, TimeUnit.SECONDS);
        assertThat(stored()).isEqualTo(names(1, 12));
    }

    @Test
    void whatABrokerFailedToStoreGoesBeforeWhatWaits() throws Exception {
        send(1, 20);
        broker.failWith(new IllegalStateException("connection lost"));
        clock.pass(1, TimeUnit.SECONDS);

        assertThat(stored()).isEqualTo(names(1, 20));
    }

    @Test
    void anEventOfAHaltedAggregateThatWasWaitingStaysBehindTheRejectedOne() throws Exception {
        broker.refusedByTheServer.add("e5");
        List<OutboxEvent> ofOneAggregate =
                IntStream.rangeClosed(1, 30).mapToObj(n -> event(n, "a")).toList();
        delivery.deliver(ofOneAggregate, event -> {});
        stored();
        clock.pass(10, TimeUnit.SECONDS);
        assertThat(stored()).isEqualTo(names(1, 4));

        broker.refusedByTheServer.clear();
        assertThat(delivery.retry("e5")).isTrue();
        clock.pass(10, TimeUnit.SECONDS);
        assertThat(stored()).isEqualTo(names(1, 30));
    }

    @Test
    void eventsThatWaitTakeRoom() throws Exception {
        delivery.close();
        delivery = delivery(RateLimit.of(100, 10, clock), 20);
        send(1, 30);
        stored();

        assertThat(delivery.awaitRoom(Duration.ZERO)).isFalse();
        clock.pass(10, TimeUnit.SECONDS);
        stored();
        assertThat(delivery.awaitRoom(Duration.ZERO)).isTrue();
    }

    @Test
    void afterTheEndNothingThatWaitedIsSent() throws Exception {
        send(1, 30);
        delivery.close();
        clock.pass(10, TimeUnit.SECONDS);

        assertThat(broker.opened).isEqualTo(1);
        assertThat(stored()).isEmpty();
        assertThat(clock.waiting()).isZero();
    }

    @Test
    void withoutALimitTheClockHasNothingToDo() throws Exception {
        delivery.close();
        delivery = delivery(RateLimit.NONE, 1_000);
        send(1, 1_000);

        assertThat(stored()).hasSize(1_000);
        assertThat(clock.waiting()).isZero();
    }

    private Delivery delivery(RateLimit rate, int room) {
        Delivery opened = new Delivery(
                new Router("events", "{aggregateId}", Map.of("id", "{id}"), NullPayload.EMPTY),
                Tracing.OFF,
                new Rejections(Rejections.Policy.HALT, "dead", Optional.empty(), Set.of(), kind -> {}),
                Optional.empty(),
                broker::open,
                new Limits(room, 1 << 30),
                rate,
                new BrokerRetry(attempt -> 1L, 100, System::nanoTime),
                clock,
                () -> {});
        opened.streaming();
        return opened;
    }

    private void send(int first, int last) throws InterruptedException {
        assertThat(deliver(first, last)).isNotDone();
    }

    private CompletableFuture<Void> deliver(int first, int last) throws InterruptedException {
        return delivery.deliver(
                        IntStream.rangeClosed(first, last)
                                .mapToObj(n -> event(n, "a" + n % 3))
                                .toList(),
                        event -> {})
                .toCompletableFuture();
    }

    /** Lets the broker store what it was given, and tells all that it stored ever. */
    private List<String> stored() {
        broker.answerAll();
        return broker.stored;
    }

    private static List<String> names(int first, int last) {
        return IntStream.rangeClosed(first, last).mapToObj(n -> "e" + n).toList();
    }

    private static OutboxEvent event(int number, String aggregateId) {
        return new OutboxEvent("e" + number, "order", aggregateId, "placed", null, "{}", Instant.EPOCH, null);
    }
}
