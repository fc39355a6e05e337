package io.outboxrelay.benchmark;

import java.io.IOException;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

import io.outboxrelay.schema.SchemaScript;
import org.HdrHistogram.Histogram;

/**
 * Latency and memory while rows come evenly. Latency is from the return of {@code commit()} to the return of the
 * consumer's {@code poll()}, in one process's clock, without the first seconds.
 *
 * @param rowsPerSecond how many rows are committed
 * @param rowsPerTransaction how many at once
 * @param seconds how long it is measured
 * @param how of the figures' names, if it is not the log
 * @param configuration that makes the relay poll; empty if it reads the log
 * @param sql run before
 */
record SteadyRate(
        int rowsPerSecond, int rowsPerTransaction, int seconds, String how, String configuration, String sql) {

    private static final int WRITERS = 2;
    private static final int WARM_UP_SECONDS = 5;
    private static final String NOTIFIED = ", source.polling.notify { enabled = true, channel = outbox_relay }";
    private static final Duration LIMIT = Duration.ofSeconds(60);

    /** From the log, with every setting at its default. */
    static SteadyRate ofTheLog(int rowsPerSecond, int rowsPerTransaction, int seconds) {
        return new SteadyRate(rowsPerSecond, rowsPerTransaction, seconds, "", "", "");
    }

    /** By polling, woken by a notification that a trigger on the table sends. */
    static SteadyRate ofNotifiedPolling(int rowsPerSecond, int seconds) {
        return new SteadyRate(
                rowsPerSecond,
                1,
                seconds,
                "notified polling, ",
                PollingDrain.CONFIGURATION + NOTIFIED,
                SchemaScript.NOTIFY.sql());
    }

    List<Figure> measure(Relay relay, Outbox outbox) throws Exception {
        if (!sql.isEmpty()) {
            outbox.execute(sql);
        }
        int transactions = (WARM_UP_SECONDS + seconds) * rowsPerSecond / rowsPerTransaction;
        int rows = transactions * rowsPerTransaction;
        int firstMeasured = WARM_UP_SECONDS * rowsPerSecond;
        long[] committedAt = new long[rows];
        long[] receivedAt = new long[rows];
        double residentMegabytes = 0;
        double processorSeconds;
        Check check = new Check(rows);
        ExecutorService writers = Executors.newFixedThreadPool(WRITERS);
        try (Relay.Running running = start(relay, outbox);
                Topic topic = new Topic(outbox)) {
            double processorBefore = running.processorSeconds();
            long began = System.nanoTime();
            List<Future<?>> written = new ArrayList<>();
            for (int writer = 0; writer < WRITERS; writer++) {
                int first = writer;
                written.add(writers.submit(() -> {
                    write(outbox, first, transactions, began, committedAt);
                    return null;
                }));
            }
            Patience patience = new Patience("the last message", LIMIT.plusSeconds(WARM_UP_SECONDS + seconds));
            while (!check.isComplete()) {
                running.requireAlive();
                patience.check();
                for (var record : topic.poll()) {
                    int number = Topic.numberOf(record);
                    check.received(record.key(), number);
                    receivedAt[number] = receivedAt[number] == 0 ? System.nanoTime() : receivedAt[number];
                }
                residentMegabytes = Math.max(residentMegabytes, running.residentMegabytes());
            }
            for (Future<?> writer : written) {
                writer.get();
            }
            processorSeconds = running.processorSeconds() - processorBefore;
            running.stop();
        } finally {
            writers.shutdownNow();
        }
        check.requireRight();

        Histogram micros = new Histogram(3);
        for (int i = firstMeasured; i < rows; i++) {
            micros.recordValue(TimeUnit.NANOSECONDS.toMicros(Math.max(0, receivedAt[i] - committedAt[i])));
        }
        double lasted = (receivedAt[rows - 1] - receivedAt[firstMeasured]) / 1e9;
        String name = how + rowsPerSecond + " rows/s";
        return List.of(
                Figure.more(name + ", delivered", "rows/s", (rows - firstMeasured) / lasted),
                Figure.less(name + ", p50", "ms", micros.getValueAtPercentile(50) / 1e3),
                Figure.less(name + ", p99", "ms", micros.getValueAtPercentile(99) / 1e3),
                Figure.less(name + ", p99.9", "ms", micros.getValueAtPercentile(99.9) / 1e3),
                Figure.less(name + ", resident at most", "MB", residentMegabytes),
                Figure.less(name + ", processor", "s/million", processorSeconds / rows * 1e6));
    }

    private Relay.Running start(Relay relay, Outbox outbox) throws IOException, InterruptedException {
        return configuration.isEmpty()
                ? relay.start(outbox).awaitStreaming()
                : relay.start(outbox, configuration).awaitPolling();
    }

    /** Every writer has aggregates of its own, so that their events are committed in the order of their numbers. */
    private void write(Outbox outbox, int first, int transactions, long began, long[] committedAt) throws SQLException {
        long nanosPerTransaction = TimeUnit.SECONDS.toNanos(rowsPerTransaction) / rowsPerSecond;
        try (Connection connection = outbox.connect();
                PreparedStatement insert = Outbox.inserting(connection)) {
            connection.setAutoCommit(false);
            for (int transaction = first; transaction < transactions; transaction += WRITERS) {
                long turn = began + transaction * nanosPerTransaction;
                for (long wait = turn - System.nanoTime(); wait > 0; wait = turn - System.nanoTime()) {
                    LockSupport.parkNanos(wait);
                }
                Long[] numbers = numbers(transaction);
                insert.setArray(1, connection.createArrayOf("bigint", numbers));
                insert.executeUpdate();
                connection.commit();
                long now = System.nanoTime();
                for (Long number : numbers) {
                    committedAt[number.intValue()] = now;
                }
            }
        }
    }

    private Long[] numbers(int transaction) {
        Long[] numbers = new Long[rowsPerTransaction];
        for (int i = 0; i < rowsPerTransaction; i++) {
            numbers[i] = (long) transaction * rowsPerTransaction + i;
        }
        return numbers;
    }
}
