package io.outboxrelay.relay.delivery;

import java.io.IOException;
import java.lang.ref.WeakReference;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;

import io.outboxrelay.api.OutboxEvent;
import io.outboxrelay.api.Position;
import io.outboxrelay.api.RejectedException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

/** The policies that put rejected events aside. */
class PutAsideTest {

    private static final Duration PATIENCE = Duration.ofSeconds(10);

    private final ScriptedBroker broker = new ScriptedBroker();
    private final ScriptedStore store = new ScriptedStore();
    private final ConcurrentLinkedQueue<RejectedException.Kind> told = new ConcurrentLinkedQueue<>();
    private final ScheduledExecutorService clock = Executors.newSingleThreadScheduledExecutor();
    private Delivery delivery;

    @AfterEach
    void close() {
        delivery.close();
        clock.shutdownNow();
    }

    @Test
    void aDeadLetterIsSettledOnceItIsStoredAndItsAggregateGoesOn() throws Exception {
        open(Rejections.Policy.STORE);
        broker.refusedBeforeSending.add("a1");
        store.fail(new IOException("the database is down"));
        CompletableFuture<Void> settled = deliver(event("a1", "a"), event("a2", "a"));
        broker.answerAll();
        assertThat(broker.stored).containsExactly("a2");
        await("the failure").atMost(PATIENCE).until(() -> failure().isPresent());
        assertThat(settled).isNotDone();

        store.fail(null);
        settled.get();
        assertThat(store.first().kind()).isEqualTo("too_large");
        assertThat(store.first().parks()).isFalse();
        assertThat(store.first().destination()).isEqualTo("events.order");
        assertThat(failure()).isEmpty();
        assertThat(told).containsExactly(RejectedException.Kind.TOO_LARGE);
    }

    @Test
    void aParkedAggregateIsPutAsideInOrderWhoeverItWasThatRefusedIt() throws Exception {
        open(Rejections.Policy.PARK);
        broker.refusedByTheServer.add("a2");
        CompletableFuture<Void> settled =
                deliver(event("a1", "a"), event("a2", "a"), event("a3", "a"), event("b1", "b"));
        broker.answerAll();
        await("what is unsettled goes to a new broker").atMost(PATIENCE).until(() -> broker.waiting() == 1);
        broker.answerAll();

        settled.get();
        assertThat(broker.stored).containsExactly("a1", "b1");
        assertThat(store.ids()).containsExactly("a2", "a3");
    }

    @Test
    void anEarlierEventThatIsRejectedLaterIsPutAsideBeforeTheOneThatWasRejectedFirst() throws Exception {
        open(Rejections.Policy.PARK);
        broker.refusedByTheServer.add("a1");
        broker.refusedBeforeSending.add("a2");
        CompletableFuture<Void> settled = deliver(event("a1", "a"), event("a2", "a"), event("a3", "a"));
        assertThat(store.ids()).as("a1 is under way").isEmpty();
        broker.answerAll();

        settled.get();
        assertThat(store.ids()).containsExactly("a1", "a2", "a3");
    }

    @Test
    void aLaterEventPassesNoneThatStillWaitsForAnotherAggregateOfItsKeyToABrokerThatKeepsNoOrder() throws Exception {
        VirtualClock time = new VirtualClock();
        broker.preservesOrder = false;
        open(Rejections.Policy.PARK, Set.of(), "same", time, time.thread());
        broker.refusedByTheServer.add("a1");
        CompletableFuture<Void> first = deliver(event("a1", "a"), event("b1", "b"), event("a2", "a"));
        broker.answerAll();
        time.pass(1, TimeUnit.SECONDS);
        assertThat(broker.waitingIds()).as("a2 waits for it").containsExactly("b1");
        CompletableFuture<Void> second = deliver(event("a3", "a"));
        time.pass(1, TimeUnit.SECONDS);
        assertThat(store.ids()).containsExactly("a1");
        broker.answerAll();
        time.pass(1, TimeUnit.SECONDS);

        assertThat(store.ids()).containsExactly("a1", "a2", "a3");
        assertThat(first).isCompleted();
        assertThat(second).isCompleted();
    }

    @Test
    void anAggregateOfWhichNothingIsPutAsideAnyMoreIsSentAgainFromTheNextEventOn() throws Exception {
        open(Rejections.Policy.PARK, Set.of(new EventKey("order", "a")));
        CompletableFuture<Void> settled = deliver(event("a1", "a"), event("a2", "a"));

        await("both to be sent").atMost(PATIENCE).until(() -> broker.waiting() == 2);
        broker.answerAll();
        settled.get();
        assertThat(broker.stored).containsExactly("a1", "a2");
        assertThat(delivery.aside().orElseThrow().parkedKeys()).isZero();
    }

    @Test
    void anAggregateThatIsSentAgainAndRejectedAgainIsParkedAgain() throws Exception {
        open(Rejections.Policy.PARK, Set.of(new EventKey("order", "a")));
        broker.refusedBeforeSending.add("a1");

        deliver(event("a1", "a"), event("a2", "a")).get();
        assertThat(store.ids()).containsExactly("a1", "a2");
        assertThat(store.first().kind()).isEqualTo("too_large");
    }

    @Test
    void anAggregateIsNotSentAgainWhileSomethingOfItIsOnItsWayAside() throws Exception {
        open(Rejections.Policy.PARK);
        broker.refusedBeforeSending.add("a1");
        deliver(event("a1", "a")).get();
        store.fail(new IOException("the database is down"));
        CompletableFuture<Void> settled = deliver(event("a2", "a"));
        store.empty();
        delivery.aside().orElseThrow().unpark(new EventKey("order", "a"));

        assertThat(delivery.aside().orElseThrow().parkedKeys()).isEqualTo(1);
        assertThat(settled).isNotDone();
    }

    @Test
    void aRedrivenEventPassesItsParkedAggregate() throws Exception {
        open(Rejections.Policy.PARK);
        broker.refusedBeforeSending.add("a1");
        deliver(event("a1", "a"), event("a2", "a")).get();
        broker.refusedBeforeSending.clear();
        CompletableFuture<Void> redriven = delivery.redrive(event("a1", "a")).toCompletableFuture();
        broker.answerAll();

        redriven.get();
        assertThat(broker.stored).containsExactly("a1");
        assertThat(store.ids()).containsExactly("a1", "a2");
    }

    @Test
    void aRedrivenEventThatIsRejectedAgainIsItsSendersToDecideAbout() throws Exception {
        open(Rejections.Policy.PARK);
        broker.refusedByTheServer.add("a1");
        CompletableFuture<Void> redriven = delivery.redrive(event("a1", "a")).toCompletableFuture();
        broker.answerAll();

        assertThatThrownBy(redriven::get)
                .isInstanceOf(ExecutionException.class)
                .hasCauseInstanceOf(RejectedException.class);
        assertThat(delivery.unsettledEvents()).isZero();
        assertThat(delivery.halted()).isEmpty();
        assertThat(store.ids()).isEmpty();
    }

    @Test
    void aRedrivenEventSurvivesAFailureOfTheBroker() throws Exception {
        open(Rejections.Policy.PARK);
        CompletableFuture<Void> redriven = delivery.redrive(event("a1", "a")).toCompletableFuture();
        broker.failWith(new IllegalStateException("connection lost"));
        await("a new broker").atMost(PATIENCE).until(() -> broker.waiting() == 1);
        broker.answerAll();

        redriven.get();
        assertThat(broker.stored).containsExactly("a1");
    }

    @Test
    void whatIsOnItsWayAsideCountsAsInFlight() throws Exception {
        open(Rejections.Policy.STORE);
        store.fail(new IOException("the database is down"));
        broker.refusedBeforeSending.addAll(List.of("a1", "a2"));
        CompletableFuture<Void> settled = deliver(event("a1", "a"), event("a2", "a"));

        assertThat(delivery.unsettledEvents()).isEqualTo(2);
        store.fail(null);
        settled.get();
        assertThat(delivery.unsettledEvents()).isZero();
    }

    @Test
    void aSettledEventIsNotKeptBehindOneThatIsNot() throws Exception {
        open(Rejections.Policy.HALT);
        broker.refusedBeforeSending.add("a1");
        CompletableFuture<Void> halted = deliver(event("a1", "a"));
        WeakReference<OutboxEvent> settled = deliverAndForget("b1", "b");
        assertThat(halted).isNotDone();

        await("the memory of what is settled to be free").atMost(PATIENCE).until(() -> {
            System.gc();
            return settled.get() == null;
        });
    }

    @Test
    void aDeadLetterDoesNotCountAsTheLaterEventOfAnAggregateThatWasParkedMeanwhile() throws Exception {
        open(Rejections.Policy.STORE);
        EventKey key = new EventKey("order", "a");
        store.fail(new IOException("the database is down"));
        broker.refusedBeforeSending.add("a1");
        CompletableFuture<Void> first = deliver(event("a1", "a"));
        store.park(key);
        delivery.laneBegins(connection -> true);
        store.fail(null);
        first.get();
        store.fail(new IOException("the database is down"));
        CompletableFuture<Void> second = deliver(event("a2", "a"));
        store.empty();
        delivery.aside().orElseThrow().unpark(key);

        assertThat(second).isNotDone();
        assertThat(delivery.aside().orElseThrow().parkedKeys())
                .as("a2 is on its way")
                .isEqualTo(1);
    }

    @Test
    void anUnexpectedFailureOfTheStoreIsToldAndTriedAgain() throws Exception {
        open(Rejections.Policy.STORE);
        broker.refusedBeforeSending.add("a1");
        store.fail(new IllegalStateException("unexpected"));
        CompletableFuture<Void> settled = deliver(event("a1", "a"));
        await("the failure").atMost(PATIENCE).until(() -> failure().isPresent());

        store.fail(null);
        settled.get();
        assertThat(failure()).isEmpty();
    }

    @Test
    void whatNobodyExpectedIsToldSoThatTheRunEnds() throws Exception {
        open(Rejections.Policy.STORE);
        broker.refusedBeforeSending.add("a1");
        CompletionStage<Void> settled = delivery.deliver(List.of(event("a1", "a")), event -> {
            throw new IllegalStateException("unexpected");
        });

        await("the failure").atMost(PATIENCE).until(() -> delivery.unexpected().isPresent());
        assertThat(delivery.unexpected()).contains("unexpected java.lang.IllegalStateException");
        assertThat(settled).isNotDone();
    }

    @Test
    void aStoreThatHangsKeepsNoRunFromEnding() throws Exception {
        open(Rejections.Policy.STORE);
        broker.refusedBeforeSending.add("a1");
        CompletableFuture<Void> hangs = new CompletableFuture<>();
        CompletableFuture<Void> goesOn = new CompletableFuture<>();
        store.beforePut = () -> {
            hangs.complete(null);
            goesOn.join(); // Whoever interrupts.
        };
        CompletableFuture<Void> settled = deliver(event("a1", "a"));
        hangs.get();

        assertThat(CompletableFuture.runAsync(delivery::close)).succeedsWithin(PATIENCE);
        assertThat(settled).isNotDone();
        goesOn.complete(null);
    }

    private Optional<String> failure() {
        return delivery.aside().flatMap(Aside::failure);
    }

    private void open(Rejections.Policy policy) {
        open(policy, Set.of());
    }

    private void open(Rejections.Policy policy, Set<EventKey> parked) {
        open(policy, parked, "{aggregateId}", clock, Rounds.thread("aside"));
    }

    private void open(
            Rejections.Policy policy,
            Set<EventKey> parked,
            String key,
            ScheduledExecutorService clock,
            ScheduledExecutorService asideThread) {
        delivery = new Delivery(
                new Router("events.{aggregateType}", key, Map.of("id", "{id}"), NullPayload.EMPTY),
                Tracing.OFF,
                new Rejections(policy, "", Optional.of(store), parked, told::add),
                Optional.empty(),
                broker::open,
                new Limits(1000, 1_000_000),
                RateLimit.NONE,
                new BrokerRetry(attempt -> 1L, 100, System::nanoTime),
                clock,
                asideThread,
                () -> {});
        delivery.streaming();
    }

    private CompletableFuture<Void> deliver(OutboxEvent... events) throws InterruptedException {
        return delivery.deliver(Arrays.asList(events), event -> {}).toCompletableFuture();
    }

    private WeakReference<OutboxEvent> deliverAndForget(String id, String aggregateId) throws Exception {
        OutboxEvent event = event(id, aggregateId);
        CompletableFuture<Void> settled = deliver(event);
        broker.answerAll();
        settled.get();
        return new WeakReference<>(event);
    }

    private static OutboxEvent event(String id, String aggregateId) {
        return new OutboxEvent(
                id, "order", aggregateId, "placed", "payload".getBytes(UTF_8), "{}", Instant.EPOCH, new NoPosition());
    }

    private record NoPosition() implements Position {
        @Override
        public int compareTo(Position other) {
            return 0;
        }
    }
}
