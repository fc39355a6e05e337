package io.outboxrelay.relay;

import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;

import io.outboxrelay.api.AfterDelivery;
import io.outboxrelay.api.Broker;
import io.outboxrelay.api.EventHandler;
import io.outboxrelay.api.Message;
import io.outboxrelay.api.OutboxDatabase;
import io.outboxrelay.api.OutboxEvent;
import io.outboxrelay.api.OutboxSource;
import io.outboxrelay.api.RejectedException;
import io.outboxrelay.relay.delivery.BrokerRetry;
import io.outboxrelay.relay.delivery.Delivery;
import io.outboxrelay.relay.delivery.Limits;
import io.outboxrelay.relay.delivery.NullPayload;
import io.outboxrelay.relay.delivery.Payloads;
import io.outboxrelay.relay.delivery.RateLimit;
import io.outboxrelay.relay.delivery.Rejections;
import io.outboxrelay.relay.delivery.Router;
import io.outboxrelay.relay.delivery.Tracing;
import io.outboxrelay.relay.ops.Health;
import io.outboxrelay.schema.OutboxTable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;

class RunWatchTest {

    private final ScheduledExecutorService clock = Executors.newSingleThreadScheduledExecutor();

    @AfterEach
    void end() {
        clock.shutdownNow();
    }

    @Test
    void aRunInWhichSomethingHappensThatNobodyExpectedEndsSoThatAnotherBegins() {
        Run run = new Run(LogOrTable.Mode.LOG, "", new OneEvent(), this::delivery, begun -> {});
        OutboxDatabase database = new OutboxDatabase(null, OutboxTable.DEFAULT, AfterDelivery.DELETE, null);
        try (RunWatch watch = new RunWatch(
                run, new OperatorRequests(database), Optional.empty(), new Health(), Duration.ofMinutes(5), clock)) {
            watch.start();

            assertThat(CompletableFuture.runAsync(() -> execute(run)))
                    .failsWithin(Duration.ofSeconds(30))
                    .withThrowableThat()
                    .havingRootCause()
                    .isInstanceOf(AbortedException.class)
                    .withMessage("delivery failed: unexpected java.lang.IllegalStateException");
        }
    }

    private Delivery delivery(Runnable streaming) {
        return new Delivery(
                new Router("events", "{aggregateId}", Map.of(), NullPayload.EMPTY),
                Tracing.OFF,
                new Rejections(Rejections.Policy.HALT, "", Optional.empty(), Set.of(), kind -> {}),
                Optional.of(new BrokenPayloads()),
                RunWatchTest::broker,
                new Limits(10, 1_000),
                RateLimit.NONE,
                new BrokerRetry(attempt -> 1L, 100, System::nanoTime),
                clock,
                streaming::run);
    }

    private static Broker broker() {
        return new Broker() {
            @Override
            public CompletionStage<Void> publish(Message message) {
                return CompletableFuture.completedFuture(null);
            }

            @Override
            public void close() {}
        };
    }

    private static void execute(Run run) {
        try {
            run.execute();
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }

    /** Hands one event over and waits for its end. */
    private static final class OneEvent implements OutboxSource {

        private final CompletableFuture<Void> end = new CompletableFuture<>();

        @Override
        public void run(EventHandler handler) throws Exception {
            handler.streaming();
            handler.deliver(
                    List.of(new OutboxEvent("e1", "order", "1", "placed", new byte[1], "{}", Instant.EPOCH, null)),
                    index -> {});
            end.get();
        }

        @Override
        public boolean stop(Duration atMost) {
            close();
            return true;
        }

        @Override
        public void close() {
            end.complete(null);
        }
    }

    /** Can store nothing any more. */
    private static final class BrokenPayloads implements Payloads {

        @Override
        public boolean wants(OutboxEvent event) {
            return true;
        }

        @Override
        public boolean mends(OutboxEvent event, RejectedException reason) {
            return false;
        }

        @Override
        public CompletionStage<Message> store(OutboxEvent event, Message message) {
            return CompletableFuture.failedStage(new IllegalStateException("the thread has ended"));
        }

        @Override
        public void settled(OutboxEvent event) {}

        @Override
        public Optional<String> failure() {
            return Optional.empty();
        }

        @Override
        public void close() {}
    }
}
