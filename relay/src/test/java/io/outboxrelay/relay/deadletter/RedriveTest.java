package io.outboxrelay.relay.deadletter;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;

import io.outboxrelay.api.Broker;
import io.outboxrelay.api.Message;
import io.outboxrelay.api.OutboxEvent;
import io.outboxrelay.api.RejectedException;
import io.outboxrelay.relay.delivery.BrokerRetry;
import io.outboxrelay.relay.delivery.Delivery;
import io.outboxrelay.relay.delivery.EventKey;
import io.outboxrelay.relay.delivery.Limits;
import io.outboxrelay.relay.delivery.NullPayload;
import io.outboxrelay.relay.delivery.RateLimit;
import io.outboxrelay.relay.delivery.Rejections;
import io.outboxrelay.relay.delivery.Router;
import io.outboxrelay.relay.delivery.Tracing;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

import static io.outboxrelay.relay.deadletter.DeadLetterDatabase.event;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

/** Delivery, the table and the operators together: what is put aside, and how it comes back. */
class RedriveTest {

    private static final Duration PATIENCE = Duration.ofSeconds(30);

    private final Queue<String> stored = new ConcurrentLinkedQueue<>();
    private final Set<String> refused = ConcurrentHashMap.newKeySet();
    private final ScheduledExecutorService clock = Executors.newSingleThreadScheduledExecutor();

    /** Ids whose messages are stored, and about which the broker says nothing. */
    private final Set<String> unanswered = ConcurrentHashMap.newKeySet();

    private final List<Relay> relays = new ArrayList<>();
    private DeadLetterDatabase aside;
    private LetterDesk desk;

    /** Delivery and redrive of one run. */
    private record Relay(Delivery delivery, Redrive redrive) {

        CompletableFuture<Void> deliver(OutboxEvent... events) throws InterruptedException {
            return delivery.deliver(Arrays.asList(events), index -> {}).toCompletableFuture();
        }

        int parkedKeys() {
            return delivery.aside().orElseThrow().parkedKeys();
        }

        void kill() {
            redrive.close();
            delivery.close();
        }
    }

    @BeforeEach
    void create() throws Exception {
        aside = new DeadLetterDatabase();
        desk = new LetterDesk(aside.database());
    }

    @AfterEach
    void drop() throws Exception {
        relays.forEach(Relay::kill);
        clock.shutdownNow();
        aside.close();
    }

    @Test
    void aParkedAggregateIsPutAsideInOrderAndTheOthersFlow() throws Exception {
        refused.add("a2");
        Relay relay = start(Rejections.Policy.PARK);
        CompletableFuture<Void> settled =
                relay.deliver(event("a1", "a"), event("a2", "a"), event("a3", "a"), event("b1", "b"));

        settled.get();
        assertThat(stored).containsExactly("a1", "b1");
        assertThat(aside.names()).containsExactly("a2", "a3");
        assertThat(relay.parkedKeys()).isEqualTo(1);
    }

    @Test
    void aRedriveReleasesAnAggregateInOrderAndThenItFlows() throws Exception {
        refused.add("a1");
        Relay relay = start(Rejections.Policy.PARK);
        relay.deliver(event("a1", "a"), event("a2", "a"), event("a3", "a")).get();
        refused.clear();
        desk.redriveKey("order/a");

        awaitStored("a1", "a2", "a3");
        await("the aggregate to flow").atMost(PATIENCE).until(() -> relay.parkedKeys() == 0);
        relay.deliver(event("a4", "a")).get();
        assertThat(stored).containsExactly("a1", "a2", "a3", "a4");
        assertThat(aside.names()).isEmpty();
    }

    @Test
    void anEventAloneIsReleasedAndThoseBehindItStay() throws Exception {
        refused.add("a1");
        Relay relay = start(Rejections.Policy.PARK);
        relay.deliver(event("a1", "a"), event("a2", "a")).get();
        refused.clear();
        desk.redrive("a1");

        awaitStored("a1");
        relay.deliver(event("a3", "a")).get();
        await("the row to go").atMost(PATIENCE).until(() -> aside.names().equals(List.of("a2", "a3")));
        assertThat(stored).containsExactly("a1");
    }

    @Test
    void anEventThatIsRejectedAgainStaysAndKeepsItsAggregateParked() throws Exception {
        refused.add("a2");
        Relay relay = start(Rejections.Policy.PARK);
        relay.deliver(event("a2", "a"), event("a3", "a"), event("b1", "b")).get();
        refused.add("b2");
        relay.deliver(event("b2", "b")).get();
        refused.remove("b2");
        desk.redriveAll();

        await("the second attempt").atMost(PATIENCE).until(() -> letter("a2").attempts() == 2);
        assertThat(letter("a2").wish()).isEmpty();
        assertThat(letter("a2").triedAt()).isPresent();
        assertThat(letter("a3").wish()).isEmpty();
        await("the other aggregate").atMost(PATIENCE).until(() -> aside.names().equals(List.of("a2", "a3")));
        assertThat(stored).containsExactly("b1", "b2");
    }

    @Test
    void arrivalsDuringARedriveNeitherOvertakeNorStayBehind() throws Exception {
        int rounds = 100;
        Relay relay = start(Rejections.Policy.PARK);
        List<String> all = new ArrayList<>();
        int next = 0;
        for (int round = 0; round < rounds; round++) {
            String poison = "e" + next;
            refused.add(poison);
            relay.deliver(event(poison, "a")).get();
            all.add("e" + next++);
            refused.clear();
            desk.redriveKey("order/a");
            // Some come before the relay has looked, some while it releases, some when it is done.
            int count = next + 40;
            while (next < count) {
                relay.deliver(event("e" + next, "a")).get();
                all.add("e" + next++);
            }
            await("the aggregate to flow")
                    .atMost(PATIENCE)
                    .pollInterval(Duration.ofMillis(5))
                    .until(() -> stored.size() == all.size());
        }

        assertThat(List.copyOf(stored)).isEqualTo(all);
        assertThat(aside.names()).isEmpty();
    }

    @Test
    void whatIsParkedHoldsWhateverThePolicyIsAfterARestart() throws Exception {
        refused.add("a1");
        start(Rejections.Policy.PARK).deliver(event("a1", "a")).get();
        killAll();
        refused.clear();

        start(Rejections.Policy.HALT)
                .deliver(event("a2", "a"), event("b1", "b"))
                .get();
        assertThat(stored).containsExactly("b1");
        assertThat(aside.names()).containsExactly("a1", "a2");
        desk.redriveAll();
        awaitStored("b1", "a1", "a2");
    }

    @Test
    void anEventPutAsideAndNotAcknowledgedBeforeACrashIsThereOnce() throws Exception {
        refused.add("a1");
        start(Rejections.Policy.PARK)
                .deliver(event("a1", "a"), event("a2", "a"))
                .get();
        killAll();

        start(Rejections.Policy.PARK)
                .deliver(event("a1", "a"), event("a2", "a"), event("a3", "a"))
                .get();
        assertThat(aside.names()).containsExactly("a1", "a2", "a3");
    }

    @Test
    void aCrashBetweenStoringAndDeletingSendsAgainAndLosesNothing() throws Exception {
        refused.add("a1");
        start(Rejections.Policy.PARK)
                .deliver(event("a1", "a"), event("a2", "a"), event("a3", "a"))
                .get();
        refused.clear();
        unanswered.add("a2");
        desk.redriveAll();
        awaitStored("a1", "a2");
        killAll();
        assertThat(aside.names()).contains("a2", "a3");

        unanswered.clear();
        start(Rejections.Policy.PARK);
        await("all to be redriven").atMost(PATIENCE).until(() -> aside.names().isEmpty());
        assertThat(stored.stream().distinct()).containsExactly("a1", "a2", "a3");
        assertThat(stored).endsWith("a2", "a3");
    }

    @Test
    void aRejectedEventIsPutAsideOnlyWhenAllBeforeItOfItsAggregateIsStored() throws Exception {
        refused.add("a2");
        unanswered.add("a1");
        Relay relay = start(Rejections.Policy.PARK);
        CompletableFuture<Void> settled = relay.deliver(event("a1", "a"), event("a2", "a"), event("a3", "a"));
        refused.add("b1");
        relay.deliver(event("b1", "b")).get();

        assertThat(aside.names()).as("b1 passes a2").containsExactly("b1");
        assertThat(settled).isNotDone();
        unanswered.clear();
        relay.delivery().replaceBroker();
        await("a2 to follow").atMost(PATIENCE).until(() -> aside.names().equals(List.of("b1", "a2", "a3")));
        assertThat(stored).containsExactly("a1", "a1");
    }

    @Test
    void deadLettersHoldNothingBackAndAreRedrivenInAnyOrder() throws Exception {
        refused.addAll(List.of("a1", "a3"));
        Relay relay = start(Rejections.Policy.STORE);
        relay.deliver(event("a1", "a"), event("a2", "a"), event("a3", "a")).get();
        assertThat(stored).containsExactly("a2");
        assertThat(relay.parkedKeys()).isZero();
        refused.clear();

        desk.redrive("a3");
        awaitStored("a2", "a3");
        desk.redriveAll();
        awaitStored("a2", "a3", "a1");
    }

    @Test
    void aDeadLetterThatIsRejectedAgainHoldsUpNoOther() throws Exception {
        refused.addAll(List.of("a1", "a2"));
        start(Rejections.Policy.STORE)
                .deliver(event("a1", "a"), event("a2", "a"))
                .get();
        refused.remove("a2");
        desk.redriveAll();

        awaitStored("a2");
        await("the second attempt").atMost(PATIENCE).until(() -> letter("a1").attempts() == 2);
    }

    @Test
    void whatIsDiscardedIsNeverSentAndTheLastOneFreesItsAggregate() throws Exception {
        refused.add("a1");
        Relay relay = start(Rejections.Policy.PARK);
        relay.deliver(event("a1", "a"), event("a2", "a")).get();
        desk.discard("a1");
        await("the row to go").atMost(PATIENCE).until(() -> aside.names().equals(List.of("a2")));
        relay.deliver(event("a3", "a")).get();
        assertThat(stored).isEmpty();

        desk.redriveKey("order/a");
        awaitStored("a2", "a3");
        refused.add("a4");
        relay.deliver(event("a4", "a")).get();
        desk.discard("a4");
        await("the aggregate to flow").atMost(PATIENCE).until(() -> relay.parkedKeys() == 0);
        relay.deliver(event("a5", "a")).get();
        assertThat(stored).containsExactly("a2", "a3", "a5");
    }

    @Test
    void whatIsGivenUpWhileAnEventBeforeItIsUnderWayIsNeverSent() throws Exception {
        refused.addAll(List.of("a1", "b1"));
        Relay relay = start(Rejections.Policy.PARK);
        relay.deliver(event("a1", "a"), event("a2", "a"), event("a3", "a"), event("b1", "b"))
                .get();
        refused.clear();
        unanswered.add("a1");
        desk.redriveKey("order/a");
        awaitStored("a1");
        desk.discard("a1");
        desk.discard("a2");
        desk.discard("b1");
        await("what is given up to go, but what is under way")
                .atMost(PATIENCE)
                .until(() -> aside.names().equals(List.of("a1", "a3")));

        unanswered.clear();
        relay.delivery().replaceBroker();
        awaitStored("a1", "a1", "a3");
        await("the rows to go").atMost(PATIENCE).until(() -> aside.names().isEmpty());
    }

    @Test
    void aRoundThatFailedSendsNothingThatWasGivenUpSince() throws Exception {
        refused.add("a1");
        Relay relay = start(Rejections.Policy.PARK);
        relay.deliver(event("a1", "a"), event("a2", "a"), event("a3", "a")).get();
        refused.clear();
        unanswered.add("a1");
        desk.redriveAll();
        awaitStored("a1");
        aside.server().execute("ALTER TABLE outbox_dead_letter RENAME TO away");
        aside.server().execute("DELETE FROM away WHERE name = 'a2'");
        unanswered.clear();
        relay.delivery().replaceBroker();
        awaitStored("a1", "a1");
        aside.server().execute("ALTER TABLE away RENAME TO outbox_dead_letter");

        await("the rows to go").atMost(PATIENCE).until(() -> aside.names().isEmpty());
        assertThat(stored).endsWith("a3").doesNotContain("a2");
    }

    @Test
    void anAggregateThatTakesLongHoldsUpNoOtherWish() throws Exception {
        refused.addAll(List.of("a1", "b1"));
        Relay relay = start(Rejections.Policy.PARK);
        relay.deliver(event("a1", "a"), event("b1", "b")).get();
        refused.clear();
        unanswered.add("a1");
        desk.redriveKey("order/a");
        awaitStored("a1");
        desk.redriveKey("order/b");

        awaitStored("a1", "b1");
        await("the row to go").atMost(PATIENCE).until(() -> aside.names().equals(List.of("a1")));
    }

    @Test
    void aWordThatComesWhileAnEventIsRejectedAgainCounts() throws Exception {
        refused.add("a1");
        start(Rejections.Policy.PARK).deliver(event("a1", "a")).get();
        DeadLetter letter = letter("a1");
        killAll();
        desk.discard("a1");

        new WishedLetters(aside.database())
                .rejectedAgain(letter, new RejectedException(RejectedException.Kind.TOO_LARGE, "too large"));
        assertThat(letter("a1").wish()).contains(DeadLetter.Wish.DISCARD);
    }

    @Test
    void twoWhoRedriveAtOnceSendEverythingOnce() throws Exception {
        List<OutboxEvent> events = new ArrayList<>();
        for (int i = 0; i < 200; i++) {
            events.add(event("e" + i, "a" + i % 20));
            refused.add("e" + i);
        }
        start(Rejections.Policy.PARK)
                .deliver(events.toArray(OutboxEvent[]::new))
                .get();
        refused.clear();
        CompletableFuture<Void> first = CompletableFuture.runAsync(() -> unchecked(() -> desk.redriveAll()));
        CompletableFuture<Void> second = CompletableFuture.runAsync(() -> unchecked(() -> {
            for (int key = 0; key < 20; key++) {
                desk.redriveKey("order/a" + key);
            }
        }));
        CompletableFuture.allOf(first, second).get();

        await("all to be redriven").atMost(PATIENCE).until(() -> aside.names().isEmpty());
        assertThat(stored).hasSize(200).doesNotHaveDuplicates();
        for (int key = 0; key < 20; key++) {
            int of = key;
            assertThat(stored.stream()
                            .map(id -> Integer.parseInt(id.substring(1)))
                            .filter(i -> i % 20 == of))
                    .isSorted();
        }
    }

    @Test
    void aRelayThatDoesNotLeadLeavesTheRedriveToTheOneThatDoes() throws Exception {
        refused.add("a1");
        Relay owner = start(Rejections.Policy.PARK, false);
        owner.deliver(event("a1", "a"), event("a2", "a")).get();
        refused.clear();
        desk.redriveAll();
        Relay leader = start(Rejections.Policy.PARK, true);

        awaitStored("a1", "a2");
        await("the rows to go").atMost(PATIENCE).until(() -> aside.names().isEmpty());
        assertThat(owner.parkedKeys()).isEqualTo(1);
        owner.deliver(event("a3", "a"), event("a4", "a")).get();
        assertThat(stored).containsExactly("a1", "a2", "a3", "a4");
        assertThat(owner.parkedKeys()).isZero();
        assertThat(leader.redrive().counts().letters()).isZero();
    }

    @Test
    void anAggregateThatAnotherRelayHasParkedStaysParkedWhenItsRowsAreTakenOver() throws Exception {
        Relay successor = start(Rejections.Policy.PARK, false);
        refused.add("a1");
        start(Rejections.Policy.PARK).deliver(event("a1", "a")).get();

        successor.delivery().laneBegins(connection -> true);
        successor.deliver(event("a2", "a"), event("b1", "b")).get();
        assertThat(stored).containsExactly("b1");
        assertThat(aside.names()).containsExactly("a1", "a2");
    }

    @Test
    void howMuchIsPutAsideIsCounted() throws Exception {
        refused.addAll(List.of("a1", "b1"));
        Relay relay = start(Rejections.Policy.PARK);
        relay.deliver(event("a1", "a"), event("a2", "a"), event("b1", "b")).get();

        await("the count").atMost(PATIENCE).until(() -> relay.redrive().counts().equals(new DeadLetterCounts(3, 2)));
    }

    @Test
    void whatIsPutAsideIsCountedAlsoWhileTheBrokerDoesNotAnswerARedrive() throws Exception {
        refused.add("a1");
        Relay relay = start(Rejections.Policy.PARK);
        relay.deliver(event("a1", "a")).get();
        refused.clear();
        unanswered.add("a1");
        desk.redrive("a1");
        awaitStored("a1");
        refused.add("b1");
        relay.deliver(event("b1", "b")).get();

        await("the count").atMost(PATIENCE).until(() -> relay.redrive().counts().equals(new DeadLetterCounts(2, 2)));
    }

    @Test
    void whatCannotBePutAsideWaitsAndIsPutAsideOnceItCan() throws Exception {
        refused.add("a1");
        Relay relay = start(Rejections.Policy.PARK);
        aside.server().execute("ALTER TABLE outbox_dead_letter RENAME TO away");
        CompletableFuture<Void> settled = relay.deliver(event("a1", "a"), event("a2", "a"));

        await("the failure")
                .atMost(PATIENCE)
                .until(() ->
                        relay.delivery().aside().flatMap(put -> put.failure()).isPresent());
        assertThat(settled).isNotDone();
        aside.server().execute("ALTER TABLE away RENAME TO outbox_dead_letter");
        settled.get();
        assertThat(relay.delivery().aside().flatMap(put -> put.failure())).isEmpty();
        assertThat(aside.names()).containsExactly("a1", "a2");
    }

    private Relay start(Rejections.Policy policy) throws Exception {
        return start(policy, true);
    }

    private Relay start(Rejections.Policy policy, boolean leads) throws Exception {
        DeadLetterTable table = aside.table();
        Set<EventKey> parked = table.parked();
        Delivery delivery = new Delivery(
                new Router("events.{aggregateType}", "{aggregateId}", Map.of("id", "{id}"), NullPayload.EMPTY),
                Tracing.OFF,
                new Rejections(policy, "", Optional.of(table), parked, kind -> {}),
                Optional.empty(),
                TestBroker::new,
                new Limits(10_000, 10_000_000),
                RateLimit.NONE,
                new BrokerRetry(attempt -> 10L, 100, System::nanoTime),
                clock,
                () -> {});
        Redrive redrive = new Redrive(aside.database(), delivery, () -> leads, Duration.ofMillis(20));
        Relay relay = new Relay(delivery, redrive);
        relays.add(relay);
        delivery.streaming();
        redrive.start();
        return relay;
    }

    private void killAll() {
        relays.forEach(Relay::kill);
        relays.clear();
    }

    private DeadLetter letter(String name) throws Exception {
        return desk.find(name).get(0).letter();
    }

    private void awaitStored(String... ids) {
        await("messages in this order")
                .atMost(PATIENCE)
                .untilAsserted(() -> assertThat(stored).containsExactly(ids));
    }

    private interface Attempt {
        void make() throws Exception;
    }

    private static void unchecked(Attempt attempt) {
        try {
            attempt.make();
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }

    /** Stores at once, and refuses before the send. */
    private final class TestBroker implements Broker {

        private final Queue<CompletableFuture<Void>> open = new ConcurrentLinkedQueue<>();

        @Override
        public CompletionStage<Void> publish(Message message) throws RejectedException {
            String id = message.headers().get("id");
            if (refused.contains(id)) {
                throw new RejectedException(RejectedException.Kind.TOO_LARGE, "too large");
            }
            stored.add(id);
            CompletableFuture<Void> answer = new CompletableFuture<>();
            if (unanswered.contains(id)) {
                open.add(answer);
            } else {
                answer.complete(null);
            }
            return answer;
        }

        @Override
        public void close() {
            open.forEach(answer -> answer.completeExceptionally(new IllegalStateException("closed")));
        }
    }
}
