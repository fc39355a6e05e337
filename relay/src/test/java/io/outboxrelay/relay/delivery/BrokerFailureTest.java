package io.outboxrelay.relay.delivery;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;

import io.outboxrelay.api.OutboxEvent;
import io.outboxrelay.api.Position;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

/** What delivery does about a broker that fails again and again, or keeps no order, in virtual time. */
class BrokerFailureTest {

    private static final long PAUSE = 100;

    private static final Router ROUTER =
            new Router("events.{aggregateType}", "{aggregateId}", Map.of("id", "{id}"), NullPayload.EMPTY);

    private final VirtualClock clock = new VirtualClock();
    private final ScriptedBroker broker = new ScriptedBroker();
    private final List<Integer> failuresPausedFor = new ArrayList<>();
    private Delivery delivery = delivery(2);

    @AfterEach
    void close() {
        delivery.close();
    }

    @Test
    void aDeadBrokerIsProbedWithTheOldestMessageAlone() throws Exception {
        handOver(event("a1", "a"), event("b1", "b"), event("a2", "a"));
        failAndOpenAnother();
        assertThat(broker.waiting()).as("once is no run of failures").isEqualTo(3);
        assertThat(delivery.isBrokerSuspect()).isFalse();
        failAndOpenAnother();

        assertThat(broker.waitingIds()).containsExactly("a1");
        assertThat(delivery.breaker()).isEqualTo("half_open");
        handOver(event("c1", "c"));
        assertThat(broker.waitingIds()).as("nothing beside the probe").containsExactly("a1");
        failAndOpenAnother();
        assertThat(broker.waitingIds()).as("the next probe").containsExactly("a1");
    }

    @Test
    void everythingGoesInOrderToABrokerThatStoredItsProbe() throws Exception {
        CompletableFuture<Void> settled = deliver(event("a1", "a"), event("b1", "b"), event("a2", "a"));
        failAndOpenAnother();
        failAndOpenAnother();
        CompletableFuture<Void> later = deliver(event("a3", "a"));

        broker.answerAll();
        handOver(event("a4", "a"));
        clock.pass(0, TimeUnit.MILLISECONDS);
        assertThat(delivery.isBrokerSuspect()).isFalse();
        assertThat(delivery.isWithoutBroker()).isFalse();
        broker.answerAll();

        assertThat(broker.stored).containsExactly("a1", "b1", "a2", "a3", "a4");
        assertThat(settled).isCompleted();
        assertThat(later).isCompleted();
    }

    @Test
    void aRefusalBeforeTheSendIsNoProbeAndTheNextMessageIs() throws Exception {
        handOver(event("a1", "a"), event("b1", "b"), event("c1", "c"));
        failAndOpenAnother();
        broker.refusedBeforeSending.add("a1");
        failAndOpenAnother();

        assertThat(broker.waitingIds()).containsExactly("b1");
        assertThat(delivery.halted()).hasSize(1);
    }

    @Test
    void aBrokerThatRefusesItsProbeIsAlive() throws Exception {
        broker.refusedByTheServer.add("a1");
        handOver(event("a1", "a"), event("b1", "b"), event("a2", "a"));
        failAndOpenAnother();
        failAndOpenAnother();
        broker.answerAll();
        clock.pass(PAUSE, TimeUnit.MILLISECONDS);

        assertThat(delivery.breaker()).isEqualTo("closed");
        assertThat(broker.waitingIds()).containsExactly("b1");
    }

    @Test
    void aBrokerThatStoredSomethingIsNotDeadHoweverOftenItFails() throws Exception {
        for (int i = 1; i <= 5; i++) {
            handOver(event("a" + i, "a"));
            broker.answerAll();
            handOver(event("b" + i, "b"));
            failAndOpenAnother();
            broker.answerAll();
        }

        assertThat(delivery.breaker()).isEqualTo("closed");
        assertThat(broker.stored).hasSize(10);
    }

    @Test
    void refusalsDoNotMakeThePauseGrow() throws Exception {
        for (int i = 1; i <= 4; i++) {
            broker.refusedByTheServer.add("a" + i);
            handOver(event("a" + i, "k" + i));
            broker.answerAll();
            clock.pass(PAUSE, TimeUnit.MILLISECONDS);
        }

        assertThat(failuresPausedFor).containsExactly(1, 1, 1, 1);
    }

    @Test
    void aRenewedBrokerAnswersWhatItHasBeforeTheNextIsOpened() throws Exception {
        CompletableFuture<Void> settled = deliver(event("a1", "a"), event("b1", "b"));
        delivery.renewBroker(Duration.ofSeconds(30));
        CompletableFuture<Void> meanwhile = deliver(event("a2", "a"));
        clock.pass(1, TimeUnit.SECONDS);
        assertThat(broker.opened).isEqualTo(1);
        assertThat(broker.waitingIds()).as("nothing more to the old one").containsExactly("a1", "b1");
        assertThat(delivery.isWithoutBroker()).as("it has not failed").isFalse();

        broker.answerAll();
        clock.pass(0, TimeUnit.MILLISECONDS);
        broker.answerAll();

        assertThat(broker.opened).isEqualTo(2);
        assertThat(broker.stored).as("nothing twice").containsExactly("a1", "b1", "a2");
        assertThat(settled).isCompleted();
        assertThat(meanwhile).isCompleted();
        assertThat(failuresPausedFor).isEmpty();
    }

    @Test
    void anIdleBrokerIsRenewedAtOnceAndOneThatFailedOnlyOnce() throws Exception {
        delivery.renewBroker(Duration.ofSeconds(30));
        clock.pass(0, TimeUnit.MILLISECONDS);
        assertThat(broker.opened).isEqualTo(2);

        handOver(event("a1", "a"));
        broker.failWith(new IllegalStateException("connection lost"));
        delivery.renewBroker(Duration.ofSeconds(30));
        clock.pass(PAUSE, TimeUnit.MILLISECONDS);
        broker.answerAll();
        clock.pass(1, TimeUnit.MINUTES);

        assertThat(broker.opened).isEqualTo(3);
        assertThat(broker.stored).containsExactly("a1");
    }

    @Test
    void whatARenewedBrokerLeavesUnansweredGoesToTheNext() throws Exception {
        CompletableFuture<Void> settled = deliver(event("a1", "a"), event("a2", "a"));
        delivery.renewBroker(Duration.ofSeconds(30));
        clock.pass(30, TimeUnit.SECONDS);
        clock.pass(PAUSE, TimeUnit.MILLISECONDS);

        assertThat(broker.opened).isEqualTo(2);
        assertThat(broker.waitingIds()).containsExactly("a1", "a2");
        broker.answerAll();
        assertThat(settled).isCompleted();
    }

    @Test
    void aBrokerThatCannotEvenBeOpenedCountsAsAFailure() throws Exception {
        handOver(event("a1", "a"), event("b1", "b"));
        broker.cannotBeOpened = true;
        broker.failWith(new IllegalStateException("connection lost"));
        clock.pass(5 * PAUSE, TimeUnit.MILLISECONDS);
        assertThat(delivery.breaker()).isEqualTo("open");

        broker.cannotBeOpened = false;
        clock.pass(PAUSE, TimeUnit.MILLISECONDS);
        assertThat(broker.waitingIds()).containsExactly("a1");
    }

    @Test
    void aBrokerThatKeepsNoOrderHasOneMessageOfAKeyAtATime() throws Exception {
        keepNoOrder();
        CompletableFuture<Void> settled =
                deliver(event("a1", "a"), event("a2", "a"), event("b1", "b"), event("a3", "a"));

        assertThat(broker.waitingIds()).containsExactly("a1", "b1");
        broker.answerAll();
        clock.pass(0, TimeUnit.MILLISECONDS);
        assertThat(broker.waitingIds()).containsExactly("a2");
        broker.answerAll();
        clock.pass(0, TimeUnit.MILLISECONDS);
        broker.answerAll();
        assertThat(broker.stored).containsExactly("a1", "b1", "a2", "a3");
        assertThat(settled).isCompleted();
    }

    @Test
    void aBrokerThatKeepsNoOrderGoesOnAfterItRefusedAMessage() throws Exception {
        keepNoOrder();
        broker.refusedByTheServer.add("a1");
        handOver(event("a1", "a"), event("a2", "a"), event("b1", "b"), event("b2", "b"));
        broker.answerAll();
        clock.pass(0, TimeUnit.MILLISECONDS);
        broker.answerAll();

        assertThat(broker.opened).as("one of them before there was no order").isEqualTo(2);
        assertThat(broker.stored).containsExactly("b1", "b2");
        assertThat(delivery.halted())
                .singleElement()
                .satisfies(halted -> assertThat(halted.waiting()).isEqualTo(1));

        broker.refusedByTheServer.clear();
        delivery.retry("a1");
        broker.answerAll();
        clock.pass(0, TimeUnit.MILLISECONDS);
        broker.answerAll();
        assertThat(broker.stored).containsExactly("b1", "b2", "a1", "a2");
    }

    @Test
    void anEventThatAnOperatorLetsGoIsSentBeforeOneOfItsAggregateThatWaitedForAnother() throws Exception {
        broker.preservesOrder = false;
        delivery.close();
        delivery = delivery(
                2,
                new Router("events.{type}", "same", Map.of("id", "{id}"), NullPayload.EMPTY),
                rejections(Rejections.Policy.HALT));
        broker.refusedByTheServer.add("a1");
        handOver(event("a1", "a", "placed"));
        broker.answerAll();
        handOver(event("b1", "b", "paid"), event("a2", "a", "paid"));
        clock.pass(0, TimeUnit.MILLISECONDS);
        broker.refusedByTheServer.clear();
        delivery.retry("a1");
        broker.answerAll();
        clock.pass(0, TimeUnit.MILLISECONDS);
        broker.answerAll();

        assertThat(broker.stored.indexOf("a1")).isNotNegative().isLessThan(broker.stored.indexOf("a2"));
    }

    @Test
    void aDeadLetterThatTheBrokerFailsAtOnceIsSentOnceMoreAndNotTwice() throws Exception {
        broker.preservesOrder = false;
        delivery.close();
        delivery = delivery(9, ROUTER, rejections(Rejections.Policy.TOPIC));
        broker.refusedBeforeSending.add("a1");
        handOver(event("a1", "a"));
        failAndOpenAnother();

        assertThat(broker.waitingIds()).containsExactly("a1");
    }

    @Test
    void aBrokerThatIsSilentAboutTheRestAfterItsFailureCanBeReplaced() throws Exception {
        handOver(event("a1", "a"), event("b1", "b"));
        broker.failFirst(new IllegalStateException("connection lost"));
        clock.pass(PAUSE, TimeUnit.MILLISECONDS);
        assertThat(broker.opened).as("b1 is under way").isEqualTo(1);

        delivery.replaceBroker();
        clock.pass(PAUSE, TimeUnit.MILLISECONDS);
        assertThat(broker.waitingIds()).containsExactly("a1", "b1");
    }

    @Test
    void aNewBrokerThatCouldNotBeGivenAllThatWaitsIsReplaced() throws Exception {
        delivery.close();
        AtomicBoolean fails = new AtomicBoolean(true);
        delivery = delivery(
                10, ROUTER, new Rejections(Rejections.Policy.HALT, "dead", Optional.empty(), Set.of(), kind -> {
                    if (fails.getAndSet(false)) {
                        throw new IllegalStateException("unexpected");
                    }
                }));
        handOver(event("a1", "a"), event("b1", "b"));
        broker.refusedBeforeSending.add("b1");
        failAndOpenAnother();
        clock.pass(PAUSE, TimeUnit.MILLISECONDS);

        assertThat(broker.opened).isEqualTo(4);
        assertThat(broker.waitingIds()).containsExactly("a1");
        assertThat(delivery.halted()).hasSize(1);
    }

    private void keepNoOrder() {
        delivery.close();
        broker.preservesOrder = false;
        delivery = delivery(2);
    }

    private void failAndOpenAnother() throws Exception {
        broker.failWith(new IllegalStateException("connection lost"));
        clock.pass(PAUSE, TimeUnit.MILLISECONDS);
    }

    private static Rejections rejections(Rejections.Policy policy) {
        return new Rejections(policy, "dead", Optional.empty(), Set.of(), kind -> {});
    }

    private Delivery delivery(int probeAfter) {
        return delivery(probeAfter, ROUTER, rejections(Rejections.Policy.HALT));
    }

    private Delivery delivery(int probeAfter, Router router, Rejections rejections) {
        Delivery opened = new Delivery(
                router,
                Tracing.OFF,
                rejections,
                Optional.empty(),
                broker::open,
                new Limits(1000, 1_000_000),
                RateLimit.NONE,
                new BrokerRetry(
                        failures -> {
                            failuresPausedFor.add(failures);
                            return PAUSE;
                        },
                        probeAfter,
                        clock::currentTimeNanos),
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

    private static OutboxEvent event(String id, String aggregateId) {
        return event(id, aggregateId, "placed");
    }

    private static OutboxEvent event(String id, String aggregateId, String type) {
        return new OutboxEvent(
                id, "order", aggregateId, type, "payload".getBytes(UTF_8), "{}", Instant.EPOCH, new TestPosition());
    }

    private record TestPosition() implements Position {
        @Override
        public int compareTo(Position other) {
            return 0;
        }
    }
}
