package io.outboxrelay.relay.chaos;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.LongPredicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Asks one relay for its readiness, ten times a second, and keeps every change. Safe for use by any thread. */
final class Probe implements AutoCloseable {

    private static final String NO_ANSWER = "NO ANSWER";
    private static final Duration ANSWER_LIMIT = Duration.ofMillis(500);
    private static final int PERIOD_MILLIS = 100;
    private static final Pattern STATE = Pattern.compile("\"state\":\"(\\w+)\"");

    /** From this moment, a point of {@link System#nanoTime}, until the next. */
    private record Change(long nanos, boolean ready, String state) {

        boolean works() {
            return state.equals("STREAMING") || state.equals("POLLING");
        }
    }

    private final HttpClient client =
            HttpClient.newBuilder().connectTimeout(ANSWER_LIMIT).build();
    private final HttpRequest question;
    private final List<Change> changes = new ArrayList<>();
    private final ScheduledExecutorService thread = Executors.newSingleThreadScheduledExecutor(task -> {
        Thread thread = new Thread(task, "probe");
        thread.setDaemon(true);
        return thread;
    });

    private final Future<?> asking;

    Probe(int port) {
        question = HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + "/health/ready"))
                .timeout(ANSWER_LIMIT)
                .build();
        changes.add(new Change(System.nanoTime(), false, NO_ANSWER));
        asking = thread.scheduleWithFixedDelay(this::ask, 0, PERIOD_MILLIS, TimeUnit.MILLISECONDS);
    }

    /** Whether it reads, log or table, by its last answer. */
    boolean works() {
        return last().works();
    }

    /** Whether it is ready, by its last answer. */
    boolean isReady() {
        return last().ready();
    }

    String state() {
        return last().state();
    }

    /** How long after this moment it was first not ready, or did not answer; empty if it was ready all the time since. */
    synchronized Optional<Duration> unreadyAfter(long nanos) {
        Change then = changes.get(0);
        for (Change change : changes) {
            if (change.nanos() <= nanos) {
                then = change;
            }
        }
        if (!then.ready()) {
            return Optional.of(Duration.ZERO);
        }
        LongPredicate later = at -> at > nanos;
        return changes.stream()
                .filter(change -> later.test(change.nanos()) && !change.ready())
                .findFirst()
                .map(change -> Duration.ofNanos(change.nanos() - nanos));
    }

    @Override
    public void close() {
        asking.cancel(true);
        thread.shutdownNow();
    }

    private synchronized Change last() {
        return changes.get(changes.size() - 1);
    }

    private void ask() {
        boolean ready = false;
        String state = NO_ANSWER;
        try {
            HttpResponse<String> answer = client.send(question, BodyHandlers.ofString());
            ready = answer.statusCode() == 200;
            Matcher told = STATE.matcher(answer.body());
            state = told.find() ? told.group(1) : "?";
        } catch (IOException e) {
            // Dead, paused or not up yet: the state says so.
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return;
        }
        keep(new Change(System.nanoTime(), ready, state));
    }

    private synchronized void keep(Change change) {
        if (!last().state().equals(change.state()) || last().ready() != change.ready()) {
            changes.add(change);
        }
    }
}
