package io.outboxrelay.relay.delivery;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

import io.outboxrelay.api.Message;
import io.outboxrelay.api.OutboxEvent;
import io.outboxrelay.api.Position;
import io.outboxrelay.api.RejectedException;
import io.outboxrelay.relay.delivery.Rejections.Policy;

import static java.nio.charset.StandardCharsets.UTF_8;

/**
 * The life of an outbox, one run of a delivery after another, with everything that happens in it chosen by a seed; tells
 * what is wrong with it.
 */
final class DeliverySchedule implements RandomBroker.Observer {

    private static final int STEPS_TO_THE_END = 3_000;
    private static final String DEAD = "dead";
    private static final String NO_HEADERS = "no JSON";

    private record At(int number) implements Position {
        @Override
        public int compareTo(Position other) {
            return Integer.compare(number, ((At) other).number);
        }
    }

    private record Batch(List<OutboxEvent> events, CompletableFuture<Void> settled) {}

    /** From a start of the relay to its end, at which nothing of it is left. */
    private final class Run {

        private final Policy policy = choosePolicy();
        private final Optional<RandomPayloads> payloads = byReference
                ? Optional.of(new RandomPayloads(random.split(), clock, event -> rejected(event.id())))
                : Optional.empty();
        private final Delivery delivery;
        private final RandomRedrive redrive;
        private boolean ended;

        Run() {
            delivery = new Delivery(
                    router,
                    Tracing.OFF,
                    new Rejections(policy, DEAD, Optional.of(store.of(() -> ended)), store.parkedKeys(), kind -> {}),
                    payloads.map(kept -> kept),
                    broker::open,
                    new Limits(room, 1_000_000),
                    rate,
                    new BrokerRetry(
                            inARow -> {
                                failures++;
                                return (long) random.nextInt(1, 50);
                            },
                            probeAfter,
                            clock::currentTimeNanos),
                    clock,
                    clock.thread(),
                    () -> {});
            policies.add(policy);
            redrive = new RandomRedrive(
                    random.split(), clock.thread(), store, delivery, DeliverySchedule.this::meanwhile);
        }

        void begin() {
            record.runBegins();
            while (true) {
                try {
                    delivery.streaming();
                    return;
                } catch (IllegalStateException e) {
                    // Ends the run; the next one opens a broker again.
                }
            }
        }

        void end() {
            ended = true;
            redrive.close();
            delivery.close();
        }

        /** What becomes of an event that can never be sent as it is. */
        void rejected(String id) {
            if (policy == Policy.STORE || policy == Policy.TOPIC) {
                record.loose(id);
            } else {
                record.undecided(id);
            }
        }
    }

    private final SplittableRandom random;
    private final VirtualClock clock = new VirtualClock();
    private final DeliveryRecord record = new DeliveryRecord();
    private final RandomBroker broker;
    private final RandomStore store;
    private final Router router;
    private final RateLimit rate;
    private final long perSecond;
    private final long burst;
    private final boolean keepsOrder;
    private final boolean byReference;
    private final boolean endsRuns;
    private final int room;
    private final int probeAfter;
    private final int keys;
    private final int toCome;

    /** Of the runs, one after another. */
    private final List<Policy> policies = new ArrayList<>();

    /** What was handed over in this run, or is acknowledged. */
    private final List<Batch> batches = new ArrayList<>();

    /** What is to be handed over again. */
    private final Deque<List<OutboxEvent>> again = new ArrayDeque<>();

    private Run run;

    /** How many wait for the store, each while the one before does. */
    private int waits;

    private int failures;
    private int refusals;
    private int probes;
    private int redriven;
    private int references;
    private long sent;

    DeliverySchedule(long seed) {
        random = new SplittableRandom(seed);
        keepsOrder = random.nextBoolean();
        byReference = random.nextInt(3) == 0;
        endsRuns = random.nextInt(3) == 0;
        keys = random.nextInt(1, 6);
        toCome = random.nextInt(1, 60);
        room = random.nextInt(1, 30);
        probeAfter = random.nextInt(1, 4);
        perSecond = random.nextInt(3) == 0 ? random.nextLong(20, 500) : 0;
        burst = random.nextLong(1, 20);
        rate = perSecond > 0 ? RateLimit.of(perSecond, burst, clock) : RateLimit.NONE;
        broker = new RandomBroker(random.split(), clock, keepsOrder, this);
        store = new RandomStore(random.split(), this::meanwhile, this::putAside);
        router = new Router(
                random.nextBoolean() ? "events" : "events.{type}",
                random.nextInt(3) == 0 ? "same" : "{aggregateId}",
                Map.of("id", "{id}", "aggregate", "{aggregateId}"),
                NullPayload.EMPTY);
        run = new Run();
    }

    @Override
    public String toString() {
        return (keepsOrder ? "keeps order, " : "keeps no order, ") + policies + ", "
                + (byReference ? "by reference, " : "") + record;
    }

    /** How much of what happened, so that nobody takes an empty life for a proof. */
    Map<String, Integer> happened() {
        return Map.of(
                "failures of the broker", failures,
                "of the store", store.failures,
                "refusals", refusals,
                "probes", probes,
                "runs", policies.size(),
                "replays", record.replays,
                "redriven", redriven,
                "references", references);
    }

    /** @throws AssertionError if anything is wrong */
    void live() throws Exception {
        run.begin();
        for (int step = 0; (record.count() < toCome || !again.isEmpty()) && step < 2_000; step++) {
            step();
            checkBatches();
        }
        end();
        record.checkAll();
        batches.forEach(batch -> record.require(batch.settled().isDone(), "a batch is not settled"));
        run.end();
        redriven += run.redrive.sent;
    }

    private Policy choosePolicy() {
        return random.nextInt(3) == 0 ? Policy.PARK : List.of(Policy.values()).get(random.nextInt(4));
    }

    private void step() throws Exception {
        switch (random.nextInt(17)) {
            case 0, 1, 2, 3, 4 -> handOver();
            case 5 -> broker.refusedBefore.add(soon());
            case 6 -> broker.refusedByServer.add(soon());
            case 7 -> decide();
            case 8 -> replaceBrokerNowAndThen();
            case 9 -> wish();
            case 10 -> {
                if (random.nextInt(4) == 0) {
                    beginAgain();
                }
            }
            case 11 -> {
                if (random.nextInt(4) == 0) {
                    run.delivery.laneBegins(connection -> true);
                }
            }
            case 12 -> renewBrokerNowAndThen();
            default -> clock.pass(random.nextInt(0, 40), TimeUnit.MILLISECONDS);
        }
    }

    /** While somebody waits for the store, others go on. */
    private void meanwhile() {
        if (waits > 2 || random.nextInt(3) > 0) {
            return;
        }
        waits++;
        try {
            for (int steps = random.nextInt(1, 4); steps > 0; steps--) {
                if (record.count() < toCome) {
                    step();
                } else {
                    clock.pass(random.nextInt(0, 20), TimeUnit.MILLISECONDS);
                }
            }
        } catch (RuntimeException e) {
            throw e;
        } catch (Exception e) {
            throw new IllegalStateException(e);
        } finally {
            waits--;
        }
    }

    /** Faults end, and somebody looks after what is halted, put aside, or does not answer, as in a run. */
    private void end() throws Exception {
        broker.faulty = random.nextInt(4) == 0;
        store.faulty = random.nextInt(4) == 0;
        for (int step = 0; run.delivery.unsettledEvents() > 0 || !again.isEmpty() || !store.isEmpty(); step++) {
            if (step == 100) {
                broker.faulty = false;
                store.faulty = false;
            }
            record.require(
                    step < STEPS_TO_THE_END,
                    "does not come to an end; halted: %s, put aside: %s",
                    run.delivery.halted(),
                    store.rows());
            clock.pass(50, TimeUnit.MILLISECONDS);
            handOverAgain();
            decide();
            wish();
            if (step % 20 == 19) {
                run.delivery.replaceBroker();
            }
            checkBatches();
        }
    }

    private void handOver() throws InterruptedException {
        if (!again.isEmpty()) {
            handOverAgain();
        } else if (run.delivery.awaitRoom(Duration.ZERO)) {
            List<OutboxEvent> batch = new ArrayList<>();
            int size = random.nextInt(0, 6);
            for (int i = 0; i < size; i++) {
                OutboxEvent event = event(record.count());
                record.handedOver(event);
                batch.add(event);
            }
            handOver(batch);
        }
    }

    private void handOverAgain() throws InterruptedException {
        if (!again.isEmpty() && run.delivery.awaitRoom(Duration.ZERO)) {
            handOver(again.remove());
        }
    }

    private void handOver(List<OutboxEvent> batch) throws InterruptedException {
        Run current = run;
        batch.stream().filter(event -> event.headers().equals(NO_HEADERS)).forEach(event -> {
            if (current.policy == Policy.STORE || current.policy == Policy.TOPIC) {
                record.loose(event.id());
            }
        });
        batches.add(new Batch(
                batch,
                current.delivery
                        .deliver(batch, index -> {
                            record.require(!current.ended, "%s is settled after the end of its run", batch.get(index));
                            record.settled(batch.get(index));
                        })
                        .thenRun(() -> record.requireSettled(batch))
                        .toCompletableFuture()));
    }

    private OutboxEvent event(int number) {
        return new OutboxEvent(
                Integer.toString(number),
                "order",
                "a" + random.nextInt(keys),
                "placed",
                "payload".getBytes(UTF_8),
                random.nextInt(40) == 0 ? NO_HEADERS : "{}",
                Instant.EPOCH,
                new At(number));
    }

    /** The relay ends without a word, and another one begins at the first batch that is not settled. */
    private void beginAgain() {
        if (!endsRuns) {
            return;
        }
        redriven += run.redrive.sent;
        run.end();
        int settled = 0;
        while (settled < batches.size() && batches.get(settled).settled().isDone()) {
            settled++;
        }
        List<Batch> unsettled = batches.subList(settled, batches.size());
        List<List<OutboxEvent>> first = unsettled.stream().map(Batch::events).toList();
        unsettled.clear();
        for (int i = first.size() - 1; i >= 0; i--) {
            again.addFirst(first.get(i));
        }
        run = new Run();
        run.begin();
    }

    /** An event that comes soon, or has just come. */
    private String soon() {
        return Integer.toString(Math.max(0, record.count() + random.nextInt(-4, 5)));
    }

    private void decide() throws InterruptedException {
        for (HaltedEvent halted : run.delivery.halted()) {
            String id = halted.event().id();
            if (random.nextInt(3) == 0) {
                record.leftUnsent(id);
                record.require(run.delivery.skip(id), "%s cannot be skipped", id);
            } else if (random.nextBoolean()) {
                mend(id);
                record.decided(id);
                record.require(run.delivery.retry(id), "%s cannot be tried again", id);
            }
        }
    }

    private void mend(String id) {
        broker.refusedBefore.remove(id);
        broker.refusedByServer.remove(id);
    }

    /** What operators say about what is put aside. */
    private void wish() {
        List<RandomStore.Row> rows = store.rows();
        if (!rows.isEmpty()) {
            RandomStore.Row row = rows.get(random.nextInt(rows.size()));
            if (random.nextInt(6) == 0 || row.aside().event().headers().equals(NO_HEADERS)) {
                if (run.redrive.discard(row)) {
                    record.leftUnsent(row.id());
                }
            } else {
                if (random.nextInt(3) > 0) {
                    rows.stream().filter(other -> other.key().equals(row.key())).forEach(other -> mend(other.id()));
                }
                store.wish(row.key());
            }
        }
        run.redrive.look();
    }

    private void replaceBrokerNowAndThen() {
        if (random.nextInt(3) == 0) {
            run.delivery.replaceBroker();
        }
    }

    private void renewBrokerNowAndThen() {
        if (random.nextInt(3) == 0) {
            run.delivery.renewBroker(Duration.ofMillis(random.nextInt(0, 100)));
        }
    }

    private void putAside(AsideEvent event) {
        record.putAside(event.event().id());
    }

    @Override
    public void sent(Message message, int open, int openOfItsKey) {
        sent++;
        String id = RandomBroker.id(message);
        if (!keepsOrder) {
            record.require(openOfItsKey == 0 || isDeadLetter(message), "%s is sent beside another of its key", id);
        }
        if (run.delivery.breaker().equals("half_open")) {
            probes++;
            record.require(open == 0, "%s is sent beside a probe", id);
        }
        if (RandomPayloads.isReference(message)) {
            references++;
            record.require(run.payloads.orElseThrow().keeps(id), "%s refers to a payload that is not kept", id);
        }
        record.require(
                perSecond == 0 || sent <= burst + 1 + clock.currentTimeNanos() * perSecond / 1_000_000_000,
                "%s is sent too soon, after %s others",
                id,
                sent);
    }

    @Override
    public void stored(Message message) {
        if (isDeadLetter(message)) {
            record.putAside(RandomBroker.id(message));
        } else {
            record.stored(RandomBroker.id(message));
        }
    }

    @Override
    public void refused(Message message, RejectedException.Kind kind) {
        refusals++;
        boolean goesByReference =
                byReference && kind == RejectedException.Kind.TOO_LARGE && !RandomPayloads.isReference(message);
        if (goesByReference) {
            record.undecided(RandomBroker.id(message));
        } else {
            run.rejected(RandomBroker.id(message));
        }
    }

    private void checkBatches() {
        // A stage hides what its callbacks throw.
        batches.stream()
                .filter(batch -> batch.settled().isDone())
                .forEach(batch -> record.require(!batch.settled().isCompletedExceptionally(), "a batch failed"));
        record.check();
    }

    private static boolean isDeadLetter(Message message) {
        return message.destination().equals(DEAD);
    }
}
