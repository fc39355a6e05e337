package io.outboxrelay.relay.delivery;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

import io.outboxrelay.api.Broker;
import io.outboxrelay.api.Message;
import io.outboxrelay.api.RejectedException;

/** A broker that keeps its contract and fails exactly when a test says so. Its log outlives the instances. */
final class ScriptedBroker {

    /** The ids of the messages that are stored, in order; dead letters as {@code topic/id}. */
    final List<String> stored = new ArrayList<>();

    /** The last message of each id that was stored. */
    final Map<String, Message> messages = new HashMap<>();

    /** Why the server refuses. */
    RejectedException.Kind kind = RejectedException.Kind.REFUSED;

    final Set<String> refusedBeforeSending = new HashSet<>();
    final Set<String> refusedByTheServer = new HashSet<>();
    volatile int opened;

    volatile boolean cannotBeOpened;
    boolean preservesOrder = true;

    /** Whether it breaks its contract. */
    boolean failsUnexpectedly;

    /** What happens while the broker finds out that it must refuse a message. */
    Runnable beforeRefusing = () -> {};

    private record Open(Message message, CompletableFuture<Void> answer) {}

    private final Queue<Open> unanswered = new ArrayDeque<>();
    private boolean failed;

    synchronized Broker open() {
        if (cannotBeOpened) {
            throw new IllegalStateException("cannot be opened");
        }
        opened++;
        failed = false;
        return new Broker() {
            @Override
            public CompletionStage<Void> publish(Message message) throws RejectedException {
                return accept(message);
            }

            @Override
            public boolean preservesOrder() {
                return preservesOrder;
            }

            @Override
            public void close() {
                failWith(new IllegalStateException("closed"));
            }
        };
    }

    synchronized int waiting() {
        return unanswered.size();
    }

    synchronized List<String> waitingIds() {
        return unanswered.stream()
                .map(open -> open.message().headers().get("id"))
                .toList();
    }

    /** Stores everything that waits, in order, up to a message that the server refuses. */
    void answerAll() {
        for (Open next = take(); next != null; next = take()) {
            if (refusedByTheServer.contains(next.message().headers().get("id"))) {
                next.answer().completeExceptionally(new RejectedException(kind, "the server refuses it"));
                if (preservesOrder) {
                    failWith(new IllegalStateException("an earlier message was refused"));
                }
            } else {
                next.answer().complete(null);
            }
        }
    }

    /** Fails the message that waits for longest, and is silent about the others. */
    void failFirst(Exception notYet) {
        Open first;
        synchronized (this) {
            failed = true;
            first = unanswered.remove();
        }
        first.answer().completeExceptionally(notYet);
    }

    void failWith(Exception notYet) {
        List<Open> open;
        synchronized (this) {
            failed = true;
            open = List.copyOf(unanswered);
            unanswered.clear();
        }
        open.forEach(message -> message.answer().completeExceptionally(notYet));
    }

    private synchronized Open take() {
        Open next = unanswered.poll();
        if (next != null
                && !refusedByTheServer.contains(next.message().headers().get("id"))) {
            String id = next.message().headers().get("id");
            messages.put(id, next.message());
            stored.add(next.message().destination().startsWith("dead") ? "dead/" + id : id);
        }
        return next;
    }

    private CompletionStage<Void> accept(Message message) throws RejectedException {
        if (failsUnexpectedly) {
            throw new StackOverflowError("unexpected");
        }
        String id = message.headers().get("id");
        if (!message.destination().startsWith("dead") && refusedBeforeSending.contains(id)) {
            beforeRefusing.run();
            beforeRefusing = () -> {};
            throw new RejectedException(RejectedException.Kind.TOO_LARGE, "too large");
        }
        return send(message);
    }

    private synchronized CompletionStage<Void> send(Message message) {
        if (failed) {
            return CompletableFuture.failedFuture(new IllegalStateException("failed before"));
        }
        CompletableFuture<Void> answer = new CompletableFuture<>();
        unanswered.add(new Open(message, answer));
        return answer;
    }
}
