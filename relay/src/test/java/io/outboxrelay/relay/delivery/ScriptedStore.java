package io.outboxrelay.relay.delivery;

import java.io.IOException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

import io.outboxrelay.api.Fence;

/** What is put aside, in memory. Says of itself what a test wants it to. */
final class ScriptedStore implements AsideStore {

    private final List<AsideEvent> there = new ArrayList<>();
    private final Set<EventKey> parked = new HashSet<>();

    /** What happens before something is put. */
    volatile Runnable beforePut = () -> {};

    private Optional<Exception> failure = Optional.empty();

    @Override
    public void fence(Fence fence) {
        // Nobody else has the right.
    }

    @Override
    public List<Boolean> put(List<AsideEvent> events) throws IOException {
        beforePut.run();
        return putNow(events);
    }

    private synchronized List<Boolean> putNow(List<AsideEvent> events) throws IOException {
        if (failure.isPresent()) {
            if (failure.get() instanceof IOException told) {
                throw told;
            }
            throw new IllegalStateException(failure.get());
        }
        List<Boolean> stored = new ArrayList<>();
        for (AsideEvent event : events) {
            EventKey key = EventKey.of(event.event());
            if (event.parks() && !event.isBehind()) {
                parked.add(key);
            }
            boolean isStored = !event.isBehind() || parked.contains(key);
            if (isStored) {
                there.add(event);
            }
            stored.add(isStored);
        }
        return stored;
    }

    @Override
    public synchronized Set<EventKey> parked() {
        return Set.copyOf(parked);
    }

    @Override
    public synchronized boolean isFree(EventKey key) {
        return !parked.contains(key);
    }

    synchronized void fail(Exception with) {
        failure = Optional.ofNullable(with);
    }

    /** By another relay. */
    synchronized void park(EventKey key) {
        parked.add(key);
    }

    /** As after a redrive. */
    synchronized void empty() {
        there.clear();
        parked.clear();
    }

    synchronized List<String> ids() {
        return there.stream().map(event -> event.event().id()).toList();
    }

    synchronized AsideEvent first() {
        return there.get(0);
    }
}
