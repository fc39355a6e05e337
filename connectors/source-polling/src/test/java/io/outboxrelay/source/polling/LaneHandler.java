package io.outboxrelay.source.polling;

import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.IntConsumer;

import io.outboxrelay.api.EventHandler;
import io.outboxrelay.api.OutboxEvent;

import static org.assertj.core.api.Assertions.assertThat;

/** What several lanes hand over, also of several sources; settled at once. */
final class LaneHandler implements EventHandler {

    private final Map<String, List<Integer>> versions = new HashMap<>();
    private final Set<Thread> lanes = new HashSet<>();
    private boolean streaming;
    private long count;

    @Override
    public synchronized void streaming() {
        streaming = true;
    }

    @Override
    public boolean awaitRoom(Duration atMost) {
        return true;
    }

    @Override
    public synchronized CompletionStage<Void> deliver(List<OutboxEvent> batch, IntConsumer settled) {
        lanes.add(Thread.currentThread());
        for (OutboxEvent event : batch) {
            if (event.type().matches("\\d+")) {
                versions.computeIfAbsent(event.aggregateId(), id -> new ArrayList<>())
                        .add(Integer.parseInt(event.type()));
            }
            count++;
        }
        for (int event = 0; event < batch.size(); event++) {
            settled.accept(event);
        }
        return CompletableFuture.completedFuture(null);
    }

    synchronized boolean isStreaming() {
        return streaming;
    }

    synchronized long count() {
        return count;
    }

    synchronized int lanes() {
        return lanes.size();
    }

    /** The versions of each aggregate, which are its events' types, never go back, but for what is repeated. */
    synchronized void assertInOrder() {
        versions.forEach((aggregate, seen) -> {
            Set<Integer> known = new HashSet<>();
            int highest = 0;
            for (int version : seen) {
                if (known.add(version)) {
                    assertThat(version).as(aggregate + " " + seen).isEqualTo(highest + 1);
                    highest = version;
                }
            }
        });
    }
}
