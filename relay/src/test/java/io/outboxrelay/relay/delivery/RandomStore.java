package io.outboxrelay.relay.delivery;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.Predicate;
import java.util.stream.Collectors;

import io.outboxrelay.api.Fence;
import io.outboxrelay.api.OutboxEvent;

/**
 * A table of what is put aside that keeps its contract, and within it does what it likes: it takes its time, fails, and
 * does what it says it did not. Holds the operators' wishes, too.
 */
final class RandomStore {

    /** A row, which has another number once it was moved behind others. */
    record Row(long number, AsideEvent aside, boolean parked, boolean wished, int putBy) {

        private Row wished(boolean isWished) {
            return new Row(number, aside, parked, isWished, putBy);
        }

        /** As it is read: another object each time. */
        OutboxEvent event() {
            OutboxEvent event = aside.event();
            return new OutboxEvent(
                    event.id(),
                    event.aggregateType(),
                    event.aggregateId(),
                    event.type(),
                    event.payload(),
                    event.headers(),
                    event.occurredAt(),
                    event.position());
        }

        EventKey key() {
            return EventKey.of(aside.event());
        }

        String id() {
            return aside.event().id();
        }

        private boolean isOf(AsideEvent other) {
            return id().equals(other.event().id()) && aside.destination().equals(other.destination());
        }
    }

    /** Whether it may fail. */
    boolean faulty = true;

    /** How often it failed. */
    int failures;

    private final SplittableRandom random;
    private final Runnable meanwhile;
    private final Consumer<AsideEvent> stored;
    private final List<Row> rows = new ArrayList<>();
    private long nextNumber;
    private int runs;

    /**
     * @param meanwhile lets time pass while somebody waits for the store
     * @param stored told of each event that is put
     */
    RandomStore(SplittableRandom random, Runnable meanwhile, Consumer<AsideEvent> stored) {
        this.random = random;
        this.meanwhile = meanwhile;
        this.stored = stored;
    }

    /** As one run sees it, which can put nothing aside once it has ended. */
    AsideStore of(BooleanSupplier ended) {
        return new AsideStore() {

            private final int first = ++runs;
            private int run = first;

            @Override
            public void fence(Fence fence) {
                // Whoever ends a run takes all its rights.
            }

            @Override
            public List<Boolean> put(List<AsideEvent> events) throws IOException {
                takeTime("before it was put");
                if (ended.getAsBoolean()) {
                    throw new IOException("the run has ended");
                }
                List<Boolean> stored = putAll(events, first, run);
                int unknown = run;
                run = ++runs;
                takeTime("after it was put");
                run = unknown;
                return stored;
            }

            @Override
            public Set<EventKey> parked() {
                Set<EventKey> keys = parkedKeys();
                meanwhile.run();
                return keys;
            }

            @Override
            public boolean isFree(EventKey key) throws IOException {
                takeTime("before it was asked");
                boolean isFree = isFreeNow(key);
                meanwhile.run();
                return isFree;
            }
        };
    }

    Set<EventKey> parkedKeys() {
        return rows.stream().filter(Row::parked).map(Row::key).collect(Collectors.toSet());
    }

    boolean isEmpty() {
        return rows.isEmpty();
    }

    List<Row> rows() {
        return List.copyOf(rows);
    }

    /** The operator's word: what is put aside of the aggregate, and what comes behind it, is to be sent once more. */
    void wish(EventKey key) {
        rows.replaceAll(row -> row.key().equals(key) ? row.wished(true) : row);
    }

    Set<EventKey> wishedKeys() {
        return rows.stream().filter(Row::wished).map(Row::key).collect(Collectors.toSet());
    }

    /** What is to be sent of an aggregate, in order; of what is parked nothing behind a row that nobody wants sent. */
    List<Row> next(EventKey key) {
        List<Row> next = new ArrayList<>();
        boolean blocked = false;
        for (Row row : rows) {
            if (row.key().equals(key)) {
                blocked = blocked || (row.parked() && !row.wished());
                if (row.wished() && !(row.parked() && blocked)) {
                    next.add(row);
                }
            }
        }
        return next;
    }

    /** Takes out the row of this number, if it still has it. */
    void delete(Row sent) {
        rows.removeIf(row -> row.number() == sent.number());
    }

    /** Leaves an event that was rejected again where it is, and if it is parked, all behind it. */
    void rejectedAgain(Row rejected) {
        Predicate<Row> stays = row -> row.isOf(rejected.aside())
                || (rejected.parked() && row.parked() && row.key().equals(rejected.key()));
        rows.replaceAll(row -> stays.test(row) ? row.wished(false) : row);
    }

    boolean isFreeNow(EventKey key) {
        return rows.stream().noneMatch(row -> row.parked() && row.key().equals(key));
    }

    private List<Boolean> putAll(List<AsideEvent> events, int first, int run) {
        return events.stream().map(event -> put(event, first, run)).toList();
    }

    private boolean put(AsideEvent aside, int first, int run) {
        Optional<Row> last = rows.stream()
                .filter(row -> row.parked() && row.key().equals(EventKey.of(aside.event())))
                .reduce((before, after) -> after);
        if (aside.isBehind() && last.isEmpty()) {
            return false;
        }
        Optional<Row> there = rows.stream().filter(row -> row.isOf(aside)).findFirst();
        if (there.isPresent()) {
            putAgain(there.get(), aside, first, run);
        } else {
            boolean isWished = aside.isBehind() && last.get().wished();
            rows.add(new Row(nextNumber++, aside, aside.parks(), isWished, run));
        }
        stored.accept(aside);
        return true;
    }

    /** If the run has put others behind a row of a run before, the row and what was behind it before move behind those. */
    private void putAgain(Row there, AsideEvent aside, int first, int run) {
        int place = rows.indexOf(there);
        Row taken = new Row(there.number(), there.aside(), there.parked() || aside.parks(), there.wished(), run);
        rows.set(place, taken);
        List<Row> behind = rows.subList(place + 1, rows.size()).stream()
                .filter(row -> row.key().equals(there.key()))
                .toList();
        int since = Math.max(first, there.putBy() + 1);
        if (there.putBy() != run && behind.stream().anyMatch(row -> row.putBy() >= since)) {
            List<Row> moved = new ArrayList<>(List.of(taken));
            behind.stream()
                    .filter(row -> there.parked() && row.parked() && row.putBy() < since)
                    .forEach(moved::add);
            rows.removeAll(moved);
            moved.forEach(row -> rows.add(new Row(nextNumber++, row.aside(), row.parked(), row.wished(), row.putBy())));
        }
    }

    private void takeTime(String when) throws IOException {
        meanwhile.run();
        if (faulty && random.nextInt(8) == 0) {
            failures++;
            if (random.nextInt(5) == 0) {
                throw new IllegalStateException("failed " + when);
            }
            throw new IOException("failed " + when);
        }
    }
}
