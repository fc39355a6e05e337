package io.outboxrelay.quickstart;

import java.nio.file.Path;
import java.util.Locale;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * Shows the relay at work on one machine, with nothing installed: servers, the relay as a process, an order service that
 * commits and rolls back, a consumer, and at the end whether every promise was kept.
 */
public final class Quickstart {

    private static final long NO_PROGRESS_NANOS = TimeUnit.SECONDS.toNanos(30);
    private static final long LIVE_MILLIS = 200;
    private static final long LAST_LOOK_MILLIS = 500;

    private final Screen screen = Screen.ofThisProcess();
    private final Ledger ledger = new Ledger();
    private final Path distribution;
    private final Path configuration;
    private final Path relayLog;
    private final int events;
    private final boolean keep;

    private Quickstart(Path distribution, Path directory, int events, boolean keep) {
        this.distribution = distribution.toAbsolutePath().normalize();
        this.configuration = directory.resolve("outbox-relay.conf");
        this.relayLog = directory.resolve("outbox-relay.log");
        this.events = events;
        this.keep = keep;
    }

    /**
     * Runs in Maven's process, which ends with 1 if something was not as promised.
     *
     * @param arguments the distribution's folder, a folder for files, how many events, and whether to go on until Ctrl-C
     */
    public static void main(String[] arguments) {
        CountDownLatch interrupted = new CountDownLatch(1);
        Thread onCtrlC = new Thread(interrupted::countDown, "quickstart-interrupted");
        Runtime.getRuntime().addShutdownHook(onCtrlC);
        int exitCode;
        try {
            exitCode = new Quickstart(
                            Path.of(arguments[0]),
                            Path.of(arguments[1]),
                            positive(arguments[2]),
                            Boolean.parseBoolean(arguments[3]))
                    .run(interrupted);
        } catch (IllegalArgumentException e) {
            System.err.println(e.getMessage());
            exitCode = 2;
        }
        if (interrupted.getCount() > 0 && exitCode != 0) {
            System.exit(exitCode);
        }
    }

    private static int positive(String events) {
        if (!events.matches("[1-9][0-9]{0,8}")) {
            throw new IllegalArgumentException("quickstart.events = " + events + " is no number from 1 to 999999999");
        }
        return Integer.parseInt(events);
    }

    /** The servers end by themselves when the process is told to end; what fails meanwhile is not worth a word. */
    private int run(CountDownLatch interrupted) {
        try {
            return run() ? 0 : 1;
        } catch (Exception | AssertionError e) {
            if (interrupted.getCount() > 0) {
                screen.endLive();
                screen.line("The quick start failed: %s", e.getMessage() == null ? e : e.getMessage());
                screen.line("The relay's log: %s", relayLog);
            }
            return 1;
        }
    }

    private boolean run() throws Exception {
        screen.line("An order service writes to Postgres, the relay brings its events to Kafka. Starting:");
        long began = System.nanoTime();
        try (Surroundings surroundings = Surroundings.start()) {
            surroundings.writeConfiguration(configuration);
            screen.line(
                    "  Postgres %d  %s:%d",
                    surroundings.postgresVersion(),
                    surroundings.database().host(),
                    surroundings.database().port());
            screen.line("  Kafka        %s", surroundings.bootstrapServers());
            try (RunningRelay relay = new RunningRelay(distribution, configuration, relayLog)) {
                relay.awaitStreaming();
                screen.line("  relay        process %d, %s", relay.pid(), configuration);
                screen.line(
                        "All up after %.1f s. What a consumer of topic %s receives:",
                        seconds(began), Surroundings.TOPIC);
                return relayOrders(surroundings, relay);
            }
        }
    }

    private boolean relayOrders(Surroundings surroundings, RunningRelay relay) throws Exception {
        EventPrinter printer = new EventPrinter(screen);
        try (EventReader reader = new EventReader(surroundings.bootstrapServers(), Surroundings.TOPIC, (id, record) -> {
            ledger.received(id, System.nanoTime());
            printer.received(record);
        })) {
            Shop shop = new Shop(surroundings.dataSource(), ledger, events);
            follow(shop.open(), reader, relay);
            Summary summary = ledger.summary();
            screen.line("%s", summary);
            boolean right = summary.isRight(events);
            if (!right) {
                screen.line("That is wrong. The relay's log: %s", relayLog);
            } else if (keep) {
                printer.all();
                howToLook(surroundings);
                awaitEnd(reader, relay);
            }
            relay.stop();
            return right;
        }
    }

    /** Returns when all is delivered, and what must not come had the time to come; or when nothing moves any more. */
    private void follow(CompletableFuture<Void> service, EventReader reader, RunningRelay relay) throws Exception {
        Rate rate = new Rate();
        long movedAt = System.nanoTime();
        Summary last = ledger.summary();
        while (!(service.isDone() && last.lost() == 0) && System.nanoTime() - movedAt < NO_PROGRESS_NANOS) {
            requireRunning(reader, relay);
            if (service.isCompletedExceptionally()) {
                service.get();
            }
            Thread.sleep(LIVE_MILLIS);
            Summary now = ledger.summary();
            if (now.delivered() > last.delivered() || now.committed() > last.committed()) {
                movedAt = System.nanoTime();
            }
            last = now;
            screen.live(String.format(
                    Locale.ROOT,
                    "committed %,d  delivered %,d  %,.0f/s  p50 %.1f ms  p99 %.1f ms",
                    now.committed(),
                    now.delivered(),
                    rate.after(now.delivered()),
                    now.p50Millis(),
                    now.p99Millis()));
        }
        Thread.sleep(LAST_LOOK_MILLIS);
        screen.endLive();
    }

    private void howToLook(Surroundings surroundings) {
        String psql = "psql -h %s -p %d -U postgres postgres"
                .formatted(
                        surroundings.database().host(), surroundings.database().port());
        screen.line("");
        screen.line("All goes on until Ctrl-C. To look at it:");
        screen.line("  database       %s", psql);
        screen.line("  Kafka          %s, topic %s", surroundings.bootstrapServers(), Surroundings.TOPIC);
        screen.line("  configuration  %s", configuration);
        screen.line("  relay's log    %s", relayLog);
        screen.line("Insert an event and see it arrive here:");
        screen.line("  INSERT INTO outbox (aggregate_type, aggregate_id, type, payload)"
                + " VALUES ('order', '1', 'Hello', '{\"from\": \"me\"}');");
    }

    private static void awaitEnd(EventReader reader, RunningRelay relay) throws Exception {
        while (true) {
            requireRunning(reader, relay);
            Thread.sleep(LIVE_MILLIS);
        }
    }

    private static void requireRunning(EventReader reader, RunningRelay relay) throws Exception {
        relay.requireAlive();
        if (reader.ended().isDone()) {
            reader.ended().get();
        }
    }

    private static double seconds(long began) {
        return (System.nanoTime() - began) / 1e9;
    }
}
