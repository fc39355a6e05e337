package io.outboxrelay.quickstart;

import java.sql.Connection;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import javax.sql.DataSource;

/**
 * Keeps several order services busy until a given number of events is committed. It opens slowly, so that the first
 * events can be read, and goes on at a thousand transactions a second.
 */
final class Shop {

    private static final int SERVICES = 4;
    private static final int OPEN_ORDERS = 100;
    private static final long NANOS_AT_FIRST = 100_000_000;
    private static final long NANOS_PER_TRANSACTION = 1_000_000;

    private final DataSource database;
    private final Ledger ledger;
    private final AtomicInteger eventsToGo;

    /** Guarded by this. */
    private long nextAt;

    /** Guarded by this. */
    private long pause = NANOS_AT_FIRST;

    /** Guarded by itself. Some are closed already when they are picked: then nothing happens. */
    private final List<Long> openOrders = new ArrayList<>();

    /**
     * @param database where the orders are; asked for one connection for each service
     * @param ledger told of every event
     * @param events how many to commit
     */
    Shop(DataSource database, Ledger ledger, int events) {
        this.database = database;
        this.ledger = ledger;
        this.eventsToGo = new AtomicInteger(events);
    }

    /** Starts the services. The result completes when all events are committed, or a service has failed. */
    CompletableFuture<Void> open() {
        CompletableFuture<?>[] services = new CompletableFuture<?>[SERVICES];
        for (int i = 0; i < SERVICES; i++) {
            CompletableFuture<Void> done = new CompletableFuture<>();
            Thread thread = new Thread(() -> serve(done), "order-service-" + i);
            thread.setDaemon(true);
            thread.start();
            services[i] = done;
        }
        return CompletableFuture.allOf(services);
    }

    private void serve(CompletableFuture<Void> done) {
        try (Connection connection = database.getConnection()) {
            OrderService service = new OrderService(connection, ledger);
            while (eventsToGo.decrementAndGet() >= 0) {
                awaitTurn();
                if (!committedOne(service)) {
                    eventsToGo.incrementAndGet();
                }
            }
            eventsToGo.incrementAndGet();
            done.complete(null);
        } catch (SQLException | RuntimeException e) {
            done.completeExceptionally(e);
        }
    }

    private boolean committedOne(OrderService service) throws SQLException {
        Optional<Long> open = anOpenOrder();
        if (open.isEmpty()) {
            Optional<Long> placed = service.place();
            placed.ifPresent(order -> {
                synchronized (openOrders) {
                    openOrders.add(order);
                }
            });
            return placed.isPresent();
        }
        OrderService.Outcome outcome = service.advance(open.get());
        if (outcome == OrderService.Outcome.CLOSED_ORDER) {
            synchronized (openOrders) {
                openOrders.remove(open.get());
            }
        }
        return outcome != OrderService.Outcome.ROLLED_BACK;
    }

    private Optional<Long> anOpenOrder() {
        synchronized (openOrders) {
            return openOrders.size() < OPEN_ORDERS
                    ? Optional.empty()
                    : Optional.of(openOrders.get(ThreadLocalRandom.current().nextInt(openOrders.size())));
        }
    }

    private void awaitTurn() {
        long turn = turn();
        for (long wait = turn - System.nanoTime(); wait > 0; wait = turn - System.nanoTime()) {
            LockSupport.parkNanos(wait);
        }
    }

    private synchronized long turn() {
        nextAt = nextAt == 0 ? System.nanoTime() : nextAt + pause;
        pause = Math.max(NANOS_PER_TRANSACTION, pause * 19 / 20);
        return nextAt;
    }
}
