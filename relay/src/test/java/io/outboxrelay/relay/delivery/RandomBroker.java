package io.outboxrelay.relay.delivery;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;

import io.outboxrelay.api.Broker;
import io.outboxrelay.api.Message;
import io.outboxrelay.api.RejectedException;

/**
 * A broker that keeps its contract, and within it does what it likes: it answers late, at once or never, stores what it
 * says it did not, keeps no order where it promises none, and fails. What it stores outlives its instances.
 */
final class RandomBroker {

    /** What the broker tells of what it does. */
    interface Observer {

        /** A message was handed over while so many were open, of which so many were of its key. */
        void sent(Message message, int open, int openOfItsKey);

        void stored(Message message);

        /** Told before delivery is. */
        void refused(Message message, RejectedException.Kind kind);
    }

    private static final class Open {

        private final Message message;
        private final CompletableFuture<Void> answer = new CompletableFuture<>();
        private boolean stored;

        Open(Message message) {
            this.message = message;
        }
    }

    /** Ids that are refused before the send, and by the server. */
    final Set<String> refusedBefore = new HashSet<>();

    final Set<String> refusedByServer = new HashSet<>();

    /** Whether it may fail, be silent, or not be opened. */
    boolean faulty = true;

    private final SplittableRandom random;
    private final VirtualClock clock;
    private final boolean preservesOrder;
    private final Observer observer;

    RandomBroker(SplittableRandom random, VirtualClock clock, boolean preservesOrder, Observer observer) {
        this.random = random;
        this.clock = clock;
        this.preservesOrder = preservesOrder;
        this.observer = observer;
    }

    Broker open() {
        if (faulty && random.nextInt(12) == 0) {
            throw new IllegalStateException("cannot be opened");
        }
        return new Instance();
    }

    static String id(Message message) {
        return message.headers().get("id");
    }

    /** The others are refused whatever they carry. */
    private static boolean isMendedByReference(String id) {
        return Integer.parseInt(id) % 3 > 0;
    }

    private final class Instance implements Broker {

        private final List<Open> open = new ArrayList<>();
        private final boolean silent = faulty && random.nextInt(10) == 0;
        private final boolean dead = faulty && random.nextInt(4) == 0;
        private final Map<String, Long> lastOfKey = new HashMap<>();
        private boolean failed;

        @Override
        public CompletionStage<Void> publish(Message message) throws RejectedException {
            if (failed) {
                return CompletableFuture.failedStage(new IllegalStateException("failed before"));
            }
            observer.sent(message, open.size(), (int) open.stream()
                    .filter(other -> keyOf(other.message).equals(keyOf(message)))
                    .count());
            if (isRefused(message, refusedBefore)) {
                if (faulty && random.nextInt(6) == 0) {
                    fail(new IllegalStateException("lost while asking"));
                }
                observer.refused(message, RejectedException.Kind.TOO_LARGE);
                throw new RejectedException(RejectedException.Kind.TOO_LARGE, "too large");
            }
            Open opened = new Open(message);
            open.add(opened);
            if (dead) {
                later(random.nextInt(1, 30), () -> fail(new IllegalStateException("dead")));
            } else if (!silent) {
                if (random.nextInt(10) == 0 && lastOfKey.getOrDefault(keyOf(message), 0L) < clock.currentTimeNanos()) {
                    store(opened);
                    answer(opened);
                } else {
                    storeLater(opened);
                }
            }
            return opened.answer;
        }

        @Override
        public boolean preservesOrder() {
            return preservesOrder;
        }

        @Override
        public void close() {
            fail(new IllegalStateException("closed"));
        }

        private void storeLater(Open opened) {
            long at = clock.currentTimeNanos() + TimeUnit.MILLISECONDS.toNanos(random.nextInt(0, 40));
            if (preservesOrder) {
                at = Math.max(at, lastOfKey.getOrDefault(keyOf(opened.message), 0L));
            }
            long answerAt = at + TimeUnit.MILLISECONDS.toNanos(random.nextInt(0, 10));
            lastOfKey.put(keyOf(opened.message), answerAt);
            laterAt(at, () -> store(opened));
            laterAt(answerAt, () -> answer(opened));
        }

        private void store(Open opened) {
            if (failed) {
                return;
            }
            if (faulty && random.nextInt(25) == 0) {
                fail(new IllegalStateException("connection lost"));
            } else if (isRefused(opened.message, refusedByServer)) {
                refuse(opened);
            } else {
                opened.stored = true;
                observer.stored(opened.message);
            }
        }

        private void refuse(Open opened) {
            open.remove(opened);
            RejectedException.Kind kind =
                    random.nextBoolean() ? RejectedException.Kind.REFUSED : RejectedException.Kind.TOO_LARGE;
            observer.refused(opened.message, kind);
            boolean goesOn = !preservesOrder && random.nextInt(3) > 0;
            if (!goesOn) {
                storeSome(opened.message);
            }
            failed = failed || !goesOn;
            opened.answer.completeExceptionally(new RejectedException(kind, "the server refuses it"));
            if (!goesOn) {
                fail(new IllegalStateException("another was refused"));
            }
        }

        private void answer(Open opened) {
            if (!failed && opened.stored && open.remove(opened)) {
                opened.answer.complete(null);
            }
        }

        /** Of each key it stores, unasked, none or some of what is open, the first of it first where it keeps order. */
        private void storeSome(Message butNoneOf) {
            Set<String> ended = new HashSet<>();
            if (butNoneOf != null) {
                ended.add(keyOf(butNoneOf));
            }
            for (Open opened : open) {
                if (opened.stored || ended.contains(keyOf(opened.message))) {
                    continue;
                }
                if (random.nextBoolean() && !isRefused(opened.message, refusedByServer)) {
                    opened.stored = true;
                    observer.stored(opened.message);
                } else {
                    ended.add(keyOf(opened.message));
                }
            }
        }

        private void fail(Exception notYet) {
            if (!failed) {
                failed = true;
                storeSome(null);
            }
            List<Open> failing = List.copyOf(open);
            open.clear();
            List<Open> inAnyOrder = new ArrayList<>(failing);
            while (!inAnyOrder.isEmpty()) {
                inAnyOrder.remove(random.nextInt(inAnyOrder.size())).answer.completeExceptionally(notYet);
            }
        }

        private boolean isRefused(Message message, Set<String> refused) {
            return !message.destination().equals("dead")
                    && refused.contains(id(message))
                    && !(RandomPayloads.isReference(message) && isMendedByReference(id(message)));
        }

        private String keyOf(Message message) {
            return message.destination() + "/" + message.key();
        }

        private void later(long millis, Runnable task) {
            laterAt(clock.currentTimeNanos() + TimeUnit.MILLISECONDS.toNanos(millis), task);
        }

        @SuppressWarnings("FutureReturnValueIgnored")
        private void laterAt(long at, Runnable task) {
            clock.schedule(task, at - clock.currentTimeNanos(), TimeUnit.NANOSECONDS);
        }
    }
}
