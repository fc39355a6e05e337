package io.outboxrelay.relay.delivery;

import java.time.Instant;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

import io.outboxrelay.api.Message;
import io.outboxrelay.api.OutboxEvent;
import io.outboxrelay.api.Position;
import io.outboxrelay.api.RejectedException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

@Timeout(60)
class ByReferenceTest {

    private final VirtualClock clock = new VirtualClock();
    private final ScriptedBroker broker = new ScriptedBroker();
    private final ScriptedPayloads payloads = new ScriptedPayloads();
    private Delivery delivery = delivery(Rejections.Policy.HALT, "{aggregateId}");

    @AfterEach
    void close() {
        delivery.close();
    }

    @Test
    void untilItsPayloadIsStoredTheLaterEventsOfTheAggregateWaitAndAllOthersFlow() throws Exception {
        payloads.wanted.add("a1");
        CompletableFuture<Void> settled = deliver("a1", "a2", "b1", "a3");
        assertThat(stored()).containsExactly("b1");
        assertThat(delivery.halted()).as("nobody need do anything").isEmpty();

        payloads.store("a1");

        assertThat(stored()).containsExactly("b1", "a1", "a2", "a3");
        assertThat(broker.messages.get("a1").payload()).isEqualTo("reference".getBytes(UTF_8));
        assertThat(broker.messages.get("a2").payload()).isEqualTo("payload".getBytes(UTF_8));
        assertThat(settled).isCompleted();
        assertThat(payloads.settled).containsExactly("a1");
    }

    @Test
    void whatIsRefusedBeforeTheSendAsTooLargeGoesByReference() throws Exception {
        broker.refusedBeforeSending.add("a1");
        deliverOpen("a1", "a2");
        broker.refusedBeforeSending.clear();
        payloads.store("a1");

        assertThat(stored()).containsExactly("a1", "a2");
        assertThat(broker.messages.get("a1").payload()).isEqualTo("reference".getBytes(UTF_8));
    }

    @Test
    void whatTheServerRefusesAsTooLargeGoesByReferenceAndNothingOvertakesIt() throws Exception {
        broker.refusedByTheServer.add("a2");
        deliverOpen("a1", "a2", "a3", "b1");
        stored();
        broker.refusedByTheServer.clear();
        clock.pass(1, TimeUnit.SECONDS);
        assertThat(stored()).containsExactly("a1", "b1");

        payloads.store("a2");
        assertThat(stored()).containsExactly("a1", "b1", "a2", "a3");
        assertThat(broker.messages.get("a2").payload()).isEqualTo("reference".getBytes(UTF_8));
    }

    @Test
    void whatIsStillTooLargeWithoutItsPayloadIsRejected() throws Exception {
        broker.refusedBeforeSending.add("a1");
        deliverOpen("a1", "a2");
        payloads.store("a1");

        assertThat(stored()).isEmpty();
        assertThat(delivery.halted()).extracting(HaltedEvent::waiting).containsExactly(1);
    }

    @Test
    void aPayloadThatCanNeverBeStoredIsARejectionOfItsEventAndNoneOfItIsSent() throws Exception {
        payloads.wanted.add("a1");
        deliverOpen("a1", "a2");
        payloads.refuse("a1");
        assertThat(stored()).isEmpty();
        assertThat(delivery.halted()).extracting(HaltedEvent::reason).containsExactly("too large even for that");

        assertThat(delivery.retry("a1")).isTrue();
        assertThat(stored()).as("a retry stores again before it sends").isEmpty();
        payloads.store("a1");
        assertThat(stored()).containsExactly("a1", "a2");
    }

    @Test
    void anEventWhosePayloadIsBeingStoredWaitsAlsoIfItIsLetGoWithAHaltedOne() throws Exception {
        payloads.wanted.add("a3");
        broker.refusedByTheServer.add("a1");
        broker.kind = RejectedException.Kind.REFUSED;
        deliverOpen("a1", "a2", "a3", "a4");
        stored();
        clock.pass(1, TimeUnit.SECONDS);
        assertThat(delivery.halted()).hasSize(1);

        assertThat(delivery.skip("a1")).isTrue();
        assertThat(stored()).containsExactly("a2");
        payloads.store("a3");
        assertThat(stored()).containsExactly("a2", "a3", "a4");
        assertThat(broker.messages.get("a3").payload()).isEqualTo("reference".getBytes(UTF_8));
    }

    @Test
    void aPayloadThatIsStoredWhileTheBrokerIsGoneGoesToTheNextOne() throws Exception {
        payloads.wanted.add("a2");
        deliverOpen("a1", "a2", "a3");
        broker.failWith(new IllegalStateException("connection lost"));
        payloads.store("a2");
        clock.pass(1, TimeUnit.SECONDS);

        assertThat(stored()).containsExactly("a1", "a2", "a3");
        assertThat(broker.messages.get("a2").payload()).isEqualTo("reference".getBytes(UTF_8));
    }

    @Test
    void whatWaitsForItsKeyIsSentWhenTheMessageBeforeItBecomesADeadLetterThatGoesBehindIt() throws Exception {
        broker.preservesOrder = false;
        delivery = delivery(Rejections.Policy.TOPIC, "same");
        broker.kind = RejectedException.Kind.REFUSED;
        broker.refusedByTheServer.add("b1");
        payloads.wanted.add("a1");
        CompletableFuture<Void> settled = deliver("a1", "b1");
        payloads.store("a1");
        assertThat(stored()).as("b1 is refused").isEmpty();
        broker.refusedByTheServer.clear();
        for (int i = 0; i < 3; i++) {
            clock.pass(1, TimeUnit.SECONDS);
            stored();
        }

        assertThat(broker.stored).containsExactly("a1", "dead/b1");
        assertThat(settled).isCompleted();
    }

    @Test
    void whatNobodyExpectedOnceThePayloadIsStoredIsToldSoThatTheRunEnds() throws Exception {
        payloads.wanted.add("a1");
        delivery.deliver(List.of(event("a1")), index -> {});
        broker.failsUnexpectedly = true;
        payloads.store("a1");

        assertThat(delivery.unexpected()).contains("unexpected java.lang.StackOverflowError");
        assertThat(delivery.halted()).isEmpty();
    }

    @Test
    void payloadsThatCannotBeStoredAnyMoreAreNoReasonToRejectAnEvent() throws Exception {
        payloads.wanted.add("a1");
        delivery.deliver(List.of(event("a1")), index -> {});
        payloads.fail("a1", new IllegalStateException("the thread has ended"));

        assertThat(delivery.unexpected()).isPresent();
        assertThat(delivery.halted()).isEmpty();
    }

    @Test
    void theReferenceOfARedrivenEventThatIsRejectedAgainIsForgotten() throws Exception {
        payloads.wanted.add("a1");
        broker.refusedByTheServer.add("a1");
        CompletableFuture<Void> redriven = delivery.redrive(event("a1")).toCompletableFuture();
        payloads.store("a1");
        stored();
        clock.pass(1, TimeUnit.SECONDS);

        assertThat(redriven).isCompletedExceptionally();
        assertThat(payloads.settled).containsExactly("a1");
    }

    @Test
    void theReferenceOfAnEventThatGoesWithoutOneInTheEndIsForgotten() throws Exception {
        broker.refusedBeforeSending.add("a1");
        deliverOpen("a1");
        payloads.store("a1");
        assertThat(delivery.halted()).hasSize(1);
        broker.refusedBeforeSending.clear();

        assertThat(delivery.retry("a1")).isTrue();
        assertThat(stored()).containsExactly("a1");
        assertThat(broker.messages.get("a1").payload()).isEqualTo("payload".getBytes(UTF_8));
        assertThat(payloads.settled).containsExactly("a1");
    }

    private Delivery delivery(Rejections.Policy policy, String key) {
        broker.kind = RejectedException.Kind.TOO_LARGE;
        Delivery opened = new Delivery(
                new Router("events", key, Map.of("id", "{id}"), NullPayload.EMPTY),
                Tracing.OFF,
                new Rejections(policy, "dead", Optional.empty(), Set.of(), kind -> {}),
                Optional.of(payloads),
                broker::open,
                new Limits(1_000, 1 << 20),
                RateLimit.NONE,
                new BrokerRetry(attempt -> 1L, 100, System::nanoTime),
                clock,
                () -> {});
        opened.streaming();
        return opened;
    }

    private void deliverOpen(String... ids) throws InterruptedException {
        assertThat(deliver(ids)).isNotDone();
    }

    private CompletableFuture<Void> deliver(String... ids) throws InterruptedException {
        return delivery.deliver(Arrays.stream(ids).map(ByReferenceTest::event).toList(), event -> {})
                .toCompletableFuture();
    }

    private List<String> stored() {
        broker.answerAll();
        return broker.stored;
    }

    /** Of the aggregate that its first letter names. */
    private static OutboxEvent event(String id) {
        return new OutboxEvent(
                id,
                "order",
                id.substring(0, 1),
                "placed",
                "payload".getBytes(UTF_8),
                "{}",
                Instant.EPOCH,
                new NoPosition());
    }

    /** Stores a payload when the test says so. */
    private static final class ScriptedPayloads implements Payloads {

        private final Set<String> wanted = new HashSet<>();
        private final Set<String> settled = new HashSet<>();
        private final Map<String, Runnable> stores = new LinkedHashMap<>();
        private final Map<String, Runnable> refusals = new LinkedHashMap<>();
        private final Map<String, Consumer<Exception>> failures = new LinkedHashMap<>();

        void store(String id) {
            stores.remove(id).run();
        }

        void fail(String id, Exception unexpected) {
            failures.remove(id).accept(unexpected);
        }

        void refuse(String id) {
            refusals.remove(id).run();
        }

        @Override
        public boolean wants(OutboxEvent event) {
            return wanted.contains(event.id());
        }

        @Override
        public boolean mends(OutboxEvent event, RejectedException reason) {
            return reason.kind() == RejectedException.Kind.TOO_LARGE;
        }

        @Override
        public CompletionStage<Message> store(OutboxEvent event, Message message) {
            CompletableFuture<Message> stored = new CompletableFuture<>();
            stores.put(
                    event.id(),
                    () -> stored.complete(new Message(
                            message.destination(),
                            message.key(),
                            "reference".getBytes(UTF_8),
                            message.headers(),
                            message.timestamp())));
            failures.put(event.id(), stored::completeExceptionally);
            refusals.put(
                    event.id(),
                    () -> stored.completeExceptionally(
                            new RejectedException(RejectedException.Kind.TOO_LARGE, "too large even for that")));
            return stored;
        }

        @Override
        public void settled(OutboxEvent event) {
            settled.add(event.id());
        }

        @Override
        public Optional<String> failure() {
            return Optional.empty();
        }

        @Override
        public void close() {}
    }

    private record NoPosition() implements Position {
        @Override
        public int compareTo(Position other) {
            return 0;
        }
    }
}
