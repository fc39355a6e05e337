package io.outboxrelay.relay.deadletter;

import java.io.IOException;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;

import io.outboxrelay.api.Code;
import io.outboxrelay.api.OutboxDatabase;
import io.outboxrelay.api.RejectedException;
import io.outboxrelay.relay.delivery.Aside;
import io.outboxrelay.relay.delivery.Delivery;
import io.outboxrelay.relay.delivery.EventKey;
import io.outboxrelay.relay.ops.DatabaseFailure;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Acts on the operators' wishes about what is put aside, on a thread of its own, for one run: deletes what is to be
 * discarded, and sends what is to be redriven. Of each aggregate one event is under way at a time, in the order in which
 * they were put aside; many aggregates are. A row goes once its message is stored: after a crash between the two it is
 * sent again.
 */
public final class Redrive implements AutoCloseable {

    private static final Logger log = LoggerFactory.getLogger(Redrive.class);

    private static final Duration LOOK = Duration.ofSeconds(1);

    /** What was read longer ago is read again; of what was read since, it is asked whether it is still to be sent. */
    private static final long READ_AGAIN_NANOS = TimeUnit.MILLISECONDS.toNanos(250);

    private static final int MOST_KEYS = 500;
    private static final int MOST_KEYS_AT_ONCE = 100;
    private static final long MOST_BYTES_AT_ONCE = 4 << 20;
    private static final int MOST_DELETED_AT_ONCE = 200;

    /** Of the time, how little may go into counting. */
    private static final int COUNTING = 50;

    /** What became of a letter that was sent. */
    private record Outcome(DeadLetter letter, RejectedException rejected) {}

    /** What was read of an aggregate, in order; the first is under way. */
    private record Released(Deque<DeadLetter> letters, long readNanos) {

        DeadLetter underWay() {
            return letters.getFirst();
        }

        void keepOnlyWhatIsUnderWay() {
            DeadLetter underWay = underWay();
            letters.clear();
            letters.add(underWay);
        }
    }

    private final WishedLetters letters;
    private final Delivery delivery;
    private final Aside aside;
    private final BooleanSupplier leads;
    private final Duration pause;
    private final Thread thread = new Thread(this::work, "outbox-relay-redrive");

    private final BlockingQueue<Outcome> outcomes = new LinkedBlockingQueue<>();

    /** The aggregates at work. */
    private final Map<EventKey, Released> active = new HashMap<>();

    /** Aggregates whose turn comes, in this order. */
    private final Set<EventKey> waiting = new LinkedHashSet<>();

    /** Where the next look for aggregates begins; 0: at the first row. */
    private long lookFrom;

    /** Whether the last look found aggregates that were not at work. */
    private boolean foundMore;

    /** Whether anything more may be sent. */
    private boolean leading;

    /** Numbers of rows whose messages are stored. */
    private final List<Long> sent = new ArrayList<>();

    private volatile DeadLetterCounts counts = DeadLetterCounts.NONE;
    private long countAgain = System.nanoTime();
    private String toldOfFailure = "";

    /**
     * @param database where the table is
     * @param delivery sends; it can put aside
     * @param leads whether this relay is the one that acts; another one may share the outbox
     */
    public Redrive(OutboxDatabase database, Delivery delivery, BooleanSupplier leads) {
        this(database, delivery, leads, LOOK);
    }

    Redrive(OutboxDatabase database, Delivery delivery, BooleanSupplier leads, Duration pause) {
        this.letters = new WishedLetters(database);
        this.delivery = delivery;
        this.aside = delivery.aside().orElseThrow();
        this.leads = leads;
        this.pause = pause;
        thread.setDaemon(true);
    }

    /** Begins to look. */
    public void start() {
        thread.start();
    }

    /** How much is put aside, as of lately. */
    public DeadLetterCounts counts() {
        return counts;
    }

    /** Ends at once. What is sent and not taken out yet is sent again by the next run. */
    @Override
    public void close() {
        thread.interrupt();
    }

    private void work() {
        try {
            while (true) {
                lookOnce();
                Thread.sleep(pause.toMillis());
            }
        } catch (InterruptedException e) {
            log.debug("Nothing is redriven any more", e);
        }
    }

    private void lookOnce() throws InterruptedException {
        try {
            if (isAtWork() || (leads.getAsBoolean() && letters.isAnyWished())) {
                redrive();
                countAgain = System.nanoTime();
            }
            count();
            toldOfFailure = "";
        } catch (SQLException e) {
            tellFailure(DatabaseFailure.of(e).toString());
        } catch (IOException e) {
            tellFailure(e.getMessage());
        } catch (RuntimeException e) {
            log.error("{} Looking after dead letters failed", Code.UNEXPECTED, e);
        }
    }

    private boolean isAtWork() {
        return !active.isEmpty() || !waiting.isEmpty() || !sent.isEmpty();
    }

    private void tellFailure(String why) throws InterruptedException {
        if (Thread.currentThread().isInterrupted()) {
            throw new InterruptedException();
        }
        if (!why.equals(toldOfFailure)) {
            log.warn("{} Dead letters cannot be looked after: {}", Code.DEAD_LETTERS_UNATTENDED, why);
            toldOfFailure = why;
        }
    }

    private void count() throws SQLException {
        long now = System.nanoTime();
        if (now - countAgain >= 0) {
            try {
                counts = letters.counts();
            } finally {
                countAgain = System.nanoTime() + COUNTING * (System.nanoTime() - now);
            }
        }
    }

    private void discard() throws SQLException, IOException {
        List<Long> underWay =
                active.values().stream().map(at -> at.underWay().seq()).toList();
        for (DeadLetter gone : letters.discard(underWay)) {
            log.warn(
                    "{} Discarded {} at the word of {}: it stays unsent",
                    Code.EVENT_DISCARDED,
                    gone,
                    gone.wishedBy().orElse("an operator"));
            Released at = active.get(gone.key());
            if (at != null) {
                at.keepOnlyWhatIsUnderWay(); // The others may be gone.
            } else if (gone.parked()) {
                aside.unpark(gone.key());
            }
        }
    }

    /**
     * Goes on until there is nothing to do. What is under way since a round that failed is still known, so nothing of its
     * aggregate overtakes it.
     */
    private void redrive() throws SQLException, IOException, InterruptedException {
        active.values().forEach(Released::keepOnlyWhatIsUnderWay);
        lookFrom = 0;
        long lookAgain = System.nanoTime();
        do {
            if (System.nanoTime() - lookAgain >= 0) {
                look();
                lookAgain = System.nanoTime() + pause.toNanos();
            } else if (waiting.isEmpty() && lookFrom > 0 && foundMore && hasRoom()) {
                lookForKeys();
            }
            beginWaiting();
            take(outcomes.poll(100, TimeUnit.MILLISECONDS));
            count();
        } while (!waiting.isEmpty() || !active.isEmpty() || lookFrom > 0);
        takeOutSent();
    }

    /** One aggregate may take hours, or all, while the broker is dead: what else operators want is heard meanwhile. */
    private void look() throws SQLException, IOException {
        takeOutSent();
        leading = leads.getAsBoolean();
        if (leading) {
            discard();
            lookForKeys();
        } else {
            active.values().forEach(Released::keepOnlyWhatIsUnderWay);
            waiting.clear();
            lookFrom = 0;
        }
    }

    private void lookForKeys() throws SQLException {
        if (waiting.size() < MOST_KEYS) {
            WishedLetters.WishedKeys found = letters.keys(lookFrom);
            lookFrom = found.next();
            foundMore = waiting.addAll(found.keys().stream()
                    .filter(key -> !active.containsKey(key))
                    .toList());
        }
    }

    private void beginWaiting() throws SQLException, IOException, InterruptedException {
        Iterator<EventKey> next = waiting.iterator();
        while (hasRoom() && next.hasNext()) {
            begin(next.next());
            next.remove();
        }
    }

    private boolean hasRoom() {
        long bytes = active.values().stream()
                .flatMap(at -> at.letters().stream())
                .mapToLong(letter -> letter.event().size())
                .sum();
        return active.size() < MOST_KEYS_AT_ONCE && bytes < MOST_BYTES_AT_ONCE;
    }

    private void begin(EventKey key) throws SQLException, IOException, InterruptedException {
        takeOutSent();
        long readNanos = System.nanoTime();
        List<DeadLetter> next = letters.next(key);
        if (next.isEmpty()) {
            aside.unpark(key);
        } else {
            active.put(key, new Released(new ArrayDeque<>(next), readNanos));
            send(next.get(0));
        }
    }

    private void send(DeadLetter letter) throws InterruptedException {
        delivery.redrive(letter.event()).whenComplete((nothing, failure) -> {
            Throwable cause = failure instanceof CompletionException ? failure.getCause() : failure;
            outcomes.add(new Outcome(letter, (RejectedException) cause));
        });
    }

    private void take(Outcome outcome) throws SQLException, IOException, InterruptedException {
        if (outcome == null) {
            takeOutSent();
            return;
        }
        DeadLetter letter = outcome.letter();
        EventKey key = letter.key();
        Released at = active.get(key);
        Deque<DeadLetter> rest = at.letters();
        rest.remove();
        boolean isStored = outcome.rejected() == null;
        if (isStored) {
            log.debug("Redriven: {}", letter);
            sent.add(letter.seq());
        }
        active.remove(key);
        boolean mayGoOn = leading
                && (isStored || !letter.parked())
                && !rest.isEmpty()
                && System.nanoTime() - at.readNanos() < READ_AGAIN_NANOS;
        if (leading && !mayGoOn) {
            waiting.add(key);
        }
        if (!isStored) {
            log.warn(
                    "{} {} is rejected again: {}",
                    Code.EVENT_REJECTED_AGAIN,
                    letter,
                    outcome.rejected().getMessage());
            letters.rejectedAgain(letter, outcome.rejected());
        }
        if (mayGoOn) {
            goOn(key, at);
        }
        if (sent.size() >= MOST_DELETED_AT_ONCE) {
            takeOutSent();
        }
    }

    /** Sends the next one, if what was read of it still holds; else, and if that cannot be told, the aggregate is read again. */
    private void goOn(EventKey key, Released at) throws SQLException, InterruptedException {
        waiting.add(key);
        DeadLetter next = at.letters().element();
        if (letters.isWished(next.seq())) {
            waiting.remove(key);
            active.put(key, at);
            send(next);
        }
    }

    private void takeOutSent() throws SQLException {
        if (!sent.isEmpty()) {
            letters.delete(sent);
            log.info("{} event(s) that were put aside are sent", sent.size());
            sent.clear();
        }
    }
}
