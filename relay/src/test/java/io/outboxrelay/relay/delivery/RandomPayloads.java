package io.outboxrelay.relay.delivery;

import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

import io.outboxrelay.api.Message;
import io.outboxrelay.api.OutboxEvent;
import io.outboxrelay.api.RejectedException;

/** Keeps payloads for one run: sooner or later, in any order, or never. */
final class RandomPayloads implements Payloads {

    private static final String REFERENCE = "reference";

    private final SplittableRandom random;
    private final VirtualClock clock;
    private final Consumer<OutboxEvent> refused;
    private final Set<OutboxEvent> kept = Collections.newSetFromMap(new IdentityHashMap<>());
    private boolean closed;

    /** @param refused told of each event whose payload can never be stored */
    RandomPayloads(SplittableRandom random, VirtualClock clock, Consumer<OutboxEvent> refused) {
        this.random = random;
        this.clock = clock;
        this.refused = refused;
    }

    static boolean isReference(Message message) {
        return message.headers().containsKey(REFERENCE);
    }

    /** Whether the payload to which a message of the event refers is sure to be there. */
    boolean keeps(String id) {
        return kept.stream().anyMatch(event -> event.id().equals(id));
    }

    @Override
    public boolean wants(OutboxEvent event) {
        return Integer.parseInt(event.id()) % 7 == 0;
    }

    @Override
    public boolean mends(OutboxEvent event, RejectedException reason) {
        return reason.kind() == RejectedException.Kind.TOO_LARGE;
    }

    @Override
    @SuppressWarnings("FutureReturnValueIgnored")
    public CompletionStage<Message> store(OutboxEvent event, Message message) {
        CompletableFuture<Message> stored = new CompletableFuture<>();
        if (random.nextInt(20) == 0) {
            refuse(event, stored);
        } else {
            clock.schedule(() -> store(event, message, stored), random.nextInt(0, 80), TimeUnit.MILLISECONDS);
        }
        return stored;
    }

    @Override
    public void settled(OutboxEvent event) {
        kept.remove(event);
    }

    @Override
    public Optional<String> failure() {
        return Optional.empty();
    }

    @Override
    public void close() {
        closed = true;
    }

    private void store(OutboxEvent event, Message message, CompletableFuture<Message> stored) {
        if (closed) {
            return;
        }
        if (random.nextInt(12) == 0) {
            refuse(event, stored);
        } else {
            kept.add(event);
            Map<String, String> headers = new LinkedHashMap<>(message.headers());
            headers.put(REFERENCE, "true");
            stored.complete(
                    new Message(message.destination(), message.key(), new byte[0], headers, message.timestamp()));
        }
    }

    private void refuse(OutboxEvent event, CompletableFuture<Message> stored) {
        refused.accept(event);
        stored.completeExceptionally(
                new RejectedException(RejectedException.Kind.TOO_LARGE, "too large even for that"));
    }
}
