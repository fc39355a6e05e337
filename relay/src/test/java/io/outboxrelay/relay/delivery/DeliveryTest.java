package io.outboxrelay.relay.delivery;

import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;

import io.outboxrelay.api.OutboxEvent;
import io.outboxrelay.api.Position;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

class DeliveryTest {

    private static final Rejections HALT = to(Rejections.Policy.HALT);

    private final ScriptedBroker broker = new ScriptedBroker();
    private final ScheduledExecutorService clock = Executors.newSingleThreadScheduledExecutor();
    private Delivery delivery = delivery(HALT, new Limits(1000, 1_000_000));

    @AfterEach
    void close() {
        delivery.close();
        clock.shutdownNow();
    }

    @Test
    void aBatchIsSettledOnlyWhenEveryMessageOfItIsStored() throws Exception {
        CompletableFuture<Void> settled = deliver(event("a1", "a"), event("b1", "b"));

        assertThat(settled).isNotDone();
        broker.answerAll();
        assertThat(settled).isCompleted();
        assertThat(broker.stored).containsExactly("a1", "b1");
    }

    @Test
    void anEmptyBatchIsSettledAtOnce() throws Exception {
        assertThat(deliver()).isCompleted();
    }

    @Test
    void afterAFailureEverythingUnsettledGoesToANewBrokerInTheOriginalOrder() throws Exception {
        CompletableFuture<Void> first = deliver(event("a1", "a"), event("b1", "b"));
        CompletableFuture<Void> second = deliver(event("a2", "a"));
        broker.failWith(new IllegalStateException("connection lost"));
        CompletableFuture<Void> third = deliver(event("a3", "a"));

        awaitWaiting(4);
        broker.answerAll();

        assertThat(broker.stored).containsExactly("a1", "b1", "a2", "a3");
        assertThat(broker.opened).isEqualTo(2);
        assertThat(List.of(first, second, third)).allMatch(CompletableFuture::isDone);
    }

    @Test
    void manyFailuresInARowLoseNothingAndKeepTheOrder() throws Exception {
        handOver(event("a1", "a"), event("a2", "a"));
        for (int failure = 2; failure <= 5; failure++) {
            broker.failWith(new IllegalStateException("connection lost"));
            awaitWaiting(failure);
            handOver(event("a" + (failure + 1), "a"));
        }
        broker.answerAll();

        assertThat(broker.stored).containsExactly("a1", "a2", "a3", "a4", "a5", "a6");
    }

    @Test
    void aBrokerThatDoesNotAnswerCanBeReplaced() throws Exception {
        CompletableFuture<Void> settled = deliver(event("a1", "a"), event("a2", "a"));

        delivery.replaceBroker();
        await("a new broker").atMost(Duration.ofSeconds(10)).until(() -> broker.opened == 2 && broker.waiting() == 2);
        broker.answerAll();

        assertThat(broker.stored).containsExactly("a1", "a2");
        assertThat(settled).isCompleted();
    }

    @Test
    void aRejectedEventHoldsBackItsAggregateAndNoOther() throws Exception {
        broker.refusedBeforeSending.add("a2");
        CompletableFuture<Void> settled = deliver(event("a1", "a"), event("a2", "a"), event("b1", "b"));
        CompletableFuture<Void> later = deliver(event("a3", "a"));
        CompletableFuture<Void> other = deliver(event("b2", "b"));
        broker.answerAll();

        assertThat(broker.stored).containsExactly("a1", "b1", "b2");
        assertThat(settled).isNotDone();
        assertThat(later).isNotDone();
        assertThat(other).isCompleted();
        assertThat(delivery.halted()).singleElement().satisfies(halted -> {
            assertThat(halted.event().id()).isEqualTo("a2");
            assertThat(halted.reason()).isEqualTo("too large");
            assertThat(halted.waiting()).isEqualTo(1);
        });
    }

    @Test
    void aHaltedEventThatTheServerRefusedHasNothingOfItsAggregateStoredBehindIt() throws Exception {
        broker.refusedByTheServer.add("a2");
        handOver(event("a1", "a"), event("a2", "a"), event("a3", "a"), event("b1", "b"));
        broker.answerAll();
        awaitWaiting(1);
        broker.answerAll();

        assertThat(broker.stored).containsExactly("a1", "b1");
        assertThat(delivery.halted())
                .singleElement()
                .satisfies(halted -> assertThat(halted.waiting()).isEqualTo(1));
    }

    @Test
    void anEarlierEventThatTheBrokerGivesBackIsNotStoredBehindTheHaltedOne() throws Exception {
        broker.refusedBeforeSending.add("a2");
        handOver(event("a1", "a"), event("a2", "a"), event("a3", "a"));
        broker.failWith(new IllegalStateException("connection lost"));
        awaitWaiting(1);
        broker.refusedBeforeSending.clear();
        assertThat(delivery.retry("a2")).isTrue();
        broker.answerAll();

        assertThat(broker.stored).containsExactly("a1", "a2", "a3");
    }

    @Test
    void anEarlierEventThatIsRejectedLaterIsTheOneToDecideAbout() throws Exception {
        broker.refusedBeforeSending.add("a2");
        broker.refusedByTheServer.add("a1");
        handOver(event("a1", "a"), event("a2", "a"), event("a3", "a"));
        broker.answerAll();
        await("a1 is halted before a2")
                .atMost(Duration.ofSeconds(10))
                .until(() -> delivery.halted().get(0).event().id().equals("a1"));

        broker.refusedBeforeSending.clear();
        assertThat(delivery.skip("a1")).isTrue();
        broker.answerAll();
        assertThat(broker.stored).containsExactly("a2", "a3");
    }

    @Test
    void aRefusalThatComesWhileTheBrokerFailsDoesNotKeepAnotherFromBeingOpened() throws Exception {
        broker.refusedBeforeSending.add("b1");
        broker.beforeRefusing = () -> broker.failWith(new IllegalStateException("connection lost"));
        handOver(event("a1", "a"), event("b1", "b"));

        awaitWaiting(1);
        broker.answerAll();
        assertThat(broker.stored).containsExactly("a1");
    }

    @Test
    void aRunThatEndsWaitsForWhatTheBrokerHasOnItsWayAndSendsNothingMore() throws Exception {
        handOver(event("a1", "a"));
        Future<Boolean> drained = clock.submit(() -> {
            delivery.drain(Duration.ofSeconds(30));
            return true;
        });
        await("the sending to end").atMost(Duration.ofSeconds(10)).until(delivery::isWithoutBroker);
        handOver(event("a2", "a"));

        assertThat(drained).isNotDone();
        broker.answerAll();
        assertThat(drained.get()).isTrue();
        assertThat(broker.stored).containsExactly("a1");
    }

    @Test
    void aBrokerThatDoesNotAnswerKeepsARunFromEndingForNoLongerThanAllowed() throws Exception {
        handOver(event("a1", "a"));

        delivery.drain(Duration.ofMillis(10));
        delivery.close();

        assertThat(broker.waiting()).as("given up").isZero();
        assertThat(broker.stored).isEmpty();
    }

    /** One missing topic after another, each of which Kafka is asked for, can take minutes. */
    @Test
    @Timeout(30)
    void haltedEventsAreToldOfWhileABatchWaitsForTheBrokersWord() throws Exception {
        broker.refusedBeforeSending.addAll(Set.of("a1", "b1"));
        handOver(event("a1", "a"));
        assertThat(delivery.halted()).hasSize(1);
        CompletableFuture<Void> asked = new CompletableFuture<>();
        CompletableFuture<Void> word = new CompletableFuture<>();
        broker.beforeRefusing = () -> {
            asked.complete(null);
            word.join();
        };
        Future<Boolean> settled = clock.submit(() -> deliver(event("b1", "b")).isDone());
        asked.join();

        assertThat(delivery.halted()).as("as last known").hasSize(1);

        word.complete(null);
        assertThat(settled.get()).isFalse();
        assertThat(delivery.halted()).hasSize(2);
    }

    @Test
    void retryPublishesTheHaltedEventAndThenWhatWaitedBehindIt() throws Exception {
        broker.refusedBeforeSending.add("a1");
        CompletableFuture<Void> settled = deliver(event("a1", "a"), event("a2", "a"));
        broker.refusedBeforeSending.clear();

        assertThat(delivery.retry("a1")).isTrue();
        broker.answerAll();

        assertThat(broker.stored).containsExactly("a1", "a2");
        assertThat(settled).isCompleted();
        assertThat(delivery.halted()).isEmpty();
    }

    @Test
    void retryOfAnEventThatIsStillRejectedHaltsItAgainWithItsFollowersInOrder() throws Exception {
        broker.refusedBeforeSending.add("a1");
        handOver(event("a1", "a"), event("a2", "a"), event("a3", "a"));

        assertThat(delivery.retry("a1")).isTrue();
        assertThat(delivery.halted())
                .singleElement()
                .satisfies(halted -> assertThat(halted.waiting()).isEqualTo(2));
        delivery.skip("a1");
        broker.answerAll();
        assertThat(broker.stored).containsExactly("a2", "a3");
    }

    @Test
    void skipLeavesTheEventUnsentAndSettlesItsBatch() throws Exception {
        broker.refusedBeforeSending.add("a1");
        CompletableFuture<Void> settled = deliver(event("a1", "a"), event("a2", "a"));

        assertThat(delivery.skip("a1")).isTrue();
        broker.answerAll();

        assertThat(broker.stored).containsExactly("a2");
        assertThat(settled).isCompleted();
    }

    @Test
    void anEventWithoutAnIdIsCalledByItsPosition() throws Exception {
        handOver(event(null, "a"));

        assertThat(delivery.skip("0/1#0")).isTrue();
        assertThat(delivery.halted()).isEmpty();
    }

    @Test
    void theOperatorsWordAboutAnEventThatIsNotHaltedDoesNothing() throws Exception {
        handOver(event("a1", "a"));

        assertThat(delivery.skip("a1")).isFalse();
        assertThat(delivery.retry("x")).isFalse();
    }

    @Test
    void aDeadLetterIsStoredBeforeTheRejectedEventCountsAsSettled() throws Exception {
        withDeadLetters();
        broker.refusedBeforeSending.add("a1");
        CompletableFuture<Void> settled = deliver(event("a1", "a"), event("a2", "a"));

        assertThat(settled).isNotDone();
        broker.answerAll();
        assertThat(broker.stored).containsExactly("dead/a1", "a2");
        assertThat(settled).isCompleted();
    }

    @Test
    void aDeadLetterThatTheServerRefusesHaltsItsAggregate() throws Exception {
        withDeadLetters();
        broker.refusedByTheServer.add("a1");
        handOver(event("a1", "a"), event("a2", "a"));
        broker.answerAll();
        awaitWaiting(2);
        broker.answerAll();
        await("a2 waits behind a1").until(() -> !delivery.halted().isEmpty());

        assertThat(broker.stored).isEmpty();
        assertThat(delivery.halted().get(0).reason()).startsWith("it cannot be put aside either");
    }

    @Test
    void aRowWithoutAnAggregateIdIsRejectedAndNoCrash() throws Exception {
        handOver(event("x1", null), event("a1", "a"));
        broker.answerAll();

        assertThat(broker.stored).containsExactly("a1");
        assertThat(delivery.halted().get(0).reason()).isEqualTo("the row's aggregate id is NULL");
    }

    @Test
    void thereIsRoomAgainOnceEventsAreSettled() throws Exception {
        delivery.close();
        delivery = delivery(HALT, new Limits(2, 1_000_000));
        handOver(event("a1", "a"), event("a2", "a"));

        assertThat(delivery.awaitRoom(Duration.ofMillis(1))).isFalse();
        broker.answerAll();
        assertThat(delivery.awaitRoom(Duration.ofMillis(1))).isTrue();
        assertThat(delivery.unsettledEvents()).isZero();
    }

    @Test
    void bytesInFlightAreBoundedToo() throws Exception {
        delivery.close();
        delivery = delivery(HALT, new Limits(1000, 300));
        handOver(event("a1", "a"));
        assertThat(delivery.awaitRoom(Duration.ofMillis(1))).isTrue();
        handOver(event("a2", "a"));
        assertThat(delivery.awaitRoom(Duration.ofMillis(1))).isFalse();
    }

    @Test
    void whoWaitsForRoomIsWokenBySettlement() throws Exception {
        delivery.close();
        delivery = delivery(HALT, new Limits(1, 1_000_000));
        handOver(event("a1", "a"));
        CompletableFuture<Boolean> room = CompletableFuture.supplyAsync(() -> {
            try {
                return delivery.awaitRoom(Duration.ofMinutes(1));
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
        });
        broker.answerAll();

        await("the waiter is woken long before its limit")
                .atMost(Duration.ofSeconds(10))
                .until(room::isDone);
        assertThat(room.join()).isTrue();
    }

    private void withDeadLetters() {
        delivery.close();
        delivery = delivery(to(Rejections.Policy.TOPIC), new Limits(1000, 1_000_000));
    }

    private static Rejections to(Rejections.Policy policy) {
        return new Rejections(policy, "dead", Optional.empty(), Set.of(), kind -> {});
    }

    private Delivery delivery(Rejections rejections, Limits limits) {
        Router router = new Router("events.{aggregateType}", "{aggregateId}", Map.of("id", "{id}"), NullPayload.EMPTY);
        Delivery opened = new Delivery(
                router,
                Tracing.OFF,
                rejections,
                Optional.empty(),
                broker::open,
                limits,
                RateLimit.NONE,
                new BrokerRetry(attempt -> 1L, 100, System::nanoTime),
                clock,
                () -> {});
        opened.streaming();
        return opened;
    }

    private void handOver(OutboxEvent... events) throws InterruptedException {
        assertThat(deliver(events)).as("the batch waits for the broker").isNotDone();
    }

    private CompletableFuture<Void> deliver(OutboxEvent... events) throws InterruptedException {
        return delivery.deliver(Arrays.asList(events), event -> {}).toCompletableFuture();
    }

    private void awaitWaiting(int messages) {
        await("a new broker has been given " + messages + " messages")
                .atMost(Duration.ofSeconds(10))
                .until(() -> broker.waiting() == messages);
    }

    private static OutboxEvent event(String id, String aggregateId) {
        return new OutboxEvent(
                id, "order", aggregateId, "placed", "payload".getBytes(UTF_8), "{}", Instant.EPOCH, new TestPosition());
    }

    private record TestPosition() implements Position {
        @Override
        public int compareTo(Position other) {
            return 0;
        }

        @Override
        public String toString() {
            return "0/1#0";
        }
    }
}
