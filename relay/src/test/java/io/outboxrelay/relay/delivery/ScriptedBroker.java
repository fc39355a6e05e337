package io.outboxrelay.relay.delivery;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
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

    final Set<String> refusedBeforeSending = new HashSet<>();
    final Set<String> refusedByTheServer = new HashSet<>();
    volatile int opened;

    /** What happens while the broker finds out that it must refuse a message. */
    Runnable beforeRefusing = () -> {};

    private record Open(Message message, CompletableFuture<Void> answer) {}

    private final Queue<Open> unanswered = new ArrayDeque<>();
    private boolean failed;

    synchronized Broker open() {
        opened++;
        failed = false;
        return new Broker() {
            @Override
            public CompletionStage<Void> publish(Message message) throws RejectedException {
                return accept(message);
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

    /** Stores everything that waits, in order, up to a message that the server refuses. */
    void answerAll() {
        for (Open next = take(); next != null; next = take()) {
            if (refusedByTheServer.contains(next.message().headers().get("id"))) {
                next.answer().completeExceptionally(new RejectedException("the server refuses it"));
                failWith(new IllegalStateException("an earlier message was refused"));
            } else {
                next.answer().complete(null);
            }
        }
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
            stored.add(next.message().destination().startsWith("dead") ? "dead/" + id : id);
        }
        return next;
    }

    private CompletionStage<Void> accept(Message message) throws RejectedException {
        String id = message.headers().get("id");
        if (!message.destination().startsWith("dead") && refusedBeforeSending.contains(id)) {
            beforeRefusing.run();
            beforeRefusing = () -> {};
            throw new RejectedException("too large");
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
