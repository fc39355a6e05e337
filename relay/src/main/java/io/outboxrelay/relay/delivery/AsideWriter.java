package io.outboxrelay.relay.delivery;

import java.io.IOException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ScheduledExecutorService;

import io.github.resilience4j.core.IntervalFunction;

/**
 * Puts events aside on a thread of its own: in the order of their hand-over, many at a time, again and again until it
 * succeeds. An event whose aggregate has earlier ones under way waits until those are settled, so that what is put aside
 * never comes before what is not; other aggregates pass it meanwhile.
 */
final class AsideWriter implements AutoCloseable {

    /** Who is told. Called on the writer's thread. */
    interface Owner {

        /**
         * What became of events that were given to {@link #add}.
         *
         * @param stored these are stored
         * @param free the aggregates of these are not parked any more, so they were not stored, and they are still given
         */
        void written(List<Entry> stored, List<Pending> free) throws InterruptedException;
    }

    /**
     * An event on its way.
     *
     * @param pending the event
     * @param event what is stored of it
     * @param earlier the places of unsettled events of its aggregate that came before it
     */
    record Entry(Pending pending, AsideEvent event, List<Place> earlier) implements Comparable<Entry> {
        @Override
        public int compareTo(Entry other) {
            return pending.compareTo(other.pending);
        }
    }

    private static final int MOST_AT_ONCE = 500;
    private static final long MOST_BYTES_AT_ONCE = 4 << 20;

    /** How soon to look again whether earlier events are settled. */
    private static final long LOOK_MILLIS = 20;

    private final AsideStore store;
    private final IntervalFunction pause;
    private final Owner owner;
    private final Rounds rounds;
    private final Failing writing = new Failing("Events cannot be put aside, and wait");
    private final Failing reading = new Failing("What is parked cannot be read");

    /** Guarded by this. */
    private final TreeSet<Entry> entries = new TreeSet<>();

    /**
     * @param pause milliseconds before the n-th attempt in a row
     * @param thread for this alone; shut down with this
     * @param unexpected told of what ends this
     */
    AsideWriter(
            AsideStore store,
            IntervalFunction pause,
            ScheduledExecutorService thread,
            Unexpected unexpected,
            Owner owner) {
        this.store = store;
        this.pause = pause;
        this.owner = owner;
        this.rounds = new Rounds(thread, pause, writing, unexpected, this::putWhatIsReady);
    }

    /** Takes an event. Does not wait. */
    void add(Entry entry) {
        synchronized (this) {
            entries.add(entry);
        }
        rounds.wake();
    }

    /** Gives back, in their order, the events of an aggregate that nobody is told of any more. */
    synchronized List<Pending> takeBack(EventKey key) {
        List<Pending> taken = new ArrayList<>();
        for (Iterator<Entry> all = entries.iterator(); all.hasNext(); ) {
            Pending pending = all.next().pending();
            if (pending.key().equals(key)) {
                taken.add(pending);
                all.remove();
            }
        }
        return taken;
    }

    /** What is parked in the store. Called on any thread; asks until the store tells. */
    Set<EventKey> parked() throws InterruptedException {
        for (int failures = 1; true; failures++) {
            try {
                Set<EventKey> keys = store.parked();
                reading.succeeded();
                return keys;
            } catch (IOException e) {
                reading.failed(e);
            } catch (RuntimeException e) {
                reading.failed(unexpected(e));
            }
            requireOpen();
            Thread.sleep(pause.apply(failures));
        }
    }

    /** Why nothing can be put aside at the moment, in one line. */
    Optional<String> failure() {
        return writing.why().or(reading::why);
    }

    /** Ends the thread, and waits a moment for that. What it writes just then may still be stored, later too if the store hangs. */
    @Override
    public void close() {
        rounds.close();
    }

    private OptionalLong putWhatIsReady() throws IOException, InterruptedException {
        List<Entry> batch = ready();
        if (!batch.isEmpty()) {
            tell(batch, put(batch));
        }
        synchronized (this) {
            return entries.isEmpty() ? OptionalLong.empty() : OptionalLong.of(batch.isEmpty() ? LOOK_MILLIS : 0);
        }
    }

    private List<Boolean> put(List<Entry> batch) throws IOException {
        try {
            List<Boolean> stored = store.put(batch.stream().map(Entry::event).toList());
            writing.succeeded();
            return stored;
        } catch (RuntimeException e) {
            throw unexpected(e);
        }
    }

    private void tell(List<Entry> batch, List<Boolean> stored) throws InterruptedException {
        requireOpen();
        List<Entry> done = new ArrayList<>();
        List<Pending> free = new ArrayList<>();
        synchronized (this) {
            for (int i = 0; i < batch.size(); i++) {
                if (stored.get(i)) {
                    entries.remove(batch.get(i));
                    done.add(batch.get(i));
                } else {
                    free.add(batch.get(i).pending());
                }
            }
        }
        owner.written(done, free);
    }

    private void requireOpen() throws InterruptedException {
        if (rounds.isClosed()) {
            throw new InterruptedException("closed");
        }
    }

    private static IOException unexpected(RuntimeException failure) {
        return new IOException("unexpected " + failure.getClass().getName(), failure);
    }

    private synchronized List<Entry> ready() {
        List<Entry> ready = new ArrayList<>();
        Set<Place> taken = new HashSet<>();
        Set<EventKey> waiting = new HashSet<>();
        long bytes = 0;
        for (Entry entry : entries) {
            if (ready.size() >= MOST_AT_ONCE || bytes >= MOST_BYTES_AT_ONCE) {
                break;
            }
            EventKey key = entry.pending().key();
            boolean isNext = !waiting.contains(key)
                    && entry.earlier().stream().allMatch(earlier -> earlier.isSettled() || taken.contains(earlier));
            if (isNext) {
                ready.add(entry);
                if (!entry.event().isBehind()) {
                    taken.add(entry.pending().place()); // What is behind another may turn out to be free.
                }
                bytes += entry.pending().event().size();
            } else {
                waiting.add(key);
            }
        }
        return ready;
    }
}
