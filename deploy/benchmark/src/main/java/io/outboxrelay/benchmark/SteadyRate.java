package io.outboxrelay.benchmark;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

import org.HdrHistogram.Histogram;

/**
 * Latency, memory and processor time while rows come evenly. Latency is from the return of {@code commit()} to the return of
 * the consumer's {@code poll()}, in one process's clock, without the first seconds. At rest is before the first row.
 *
 * @param rowsPerSecond how many rows are committed
 * @param rowsPerTransaction how many at once
 * @param seconds how long it is measured
 */
record SteadyRate(int rowsPerSecond, int rowsPerTransaction, int seconds) {

    private static final int WRITERS = 2;
    private static final int WARM_UP_SECONDS = 5;
    private static final Duration REST = Duration.ofSeconds(3);
    private static final Duration LIMIT = Duration.ofMinutes(2);

    List<Figure> measure(Subject subject, Outbox outbox) throws Exception {
        int transactions = (WARM_UP_SECONDS + seconds) * rowsPerSecond / rowsPerTransaction;
        int rows = transactions * rowsPerTransaction;
        int firstMeasured = WARM_UP_SECONDS * rowsPerSecond;
        long[] committedAt = new long[rows];
        long[] receivedAt = new long[rows];
        double atRest;
        double atMost;
        double processorSeconds;
        Check check = new Check(rows);
        ExecutorService writers = Executors.newFixedThreadPool(WRITERS);
        try (SubjectProcess process = subject.startReady(outbox);
                Topic topic = new Topic(outbox)) {
            Thread.sleep(REST.toMillis());
            atRest = process.residentMegabytes();
            double processorBefore = process.processorSeconds();
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
                process.requireAlive();
                patience.check();
                for (var record : topic.poll()) {
                    int number = Topic.numberOf(record);
                    check.received(record.key(), number);
                    receivedAt[number] = receivedAt[number] == 0 ? System.nanoTime() : receivedAt[number];
                }
                process.residentMegabytes();
            }
            for (Future<?> writer : written) {
                writer.get();
            }
            processorSeconds = process.processorSeconds() - processorBefore;
            atMost = process.mostResidentMegabytes();
            process.stop();
        } finally {
            writers.shutdownNow();
        }
        check.requireRight();

        Histogram micros = new Histogram(3);
        long lastCommitted = 0;
        long lastReceived = 0;
        for (int i = firstMeasured; i < rows; i++) {
            micros.recordValue(TimeUnit.NANOSECONDS.toMicros(Math.max(0, receivedAt[i] - committedAt[i])));
            lastCommitted = Math.max(lastCommitted, committedAt[i]);
            lastReceived = Math.max(lastReceived, receivedAt[i]);
        }
        int measured = rows - firstMeasured;
        return List.of(
                Figure.more("committed", "rows/s", measured / ((lastCommitted - committedAt[firstMeasured]) / 1e9)),
                Figure.more("delivered", "rows/s", measured / ((lastReceived - committedAt[firstMeasured]) / 1e9)),
                Figure.less("p50", "ms", micros.getValueAtPercentile(50) / 1e3),
                Figure.less("p99", "ms", micros.getValueAtPercentile(99) / 1e3),
                Figure.less("p99.9", "ms", micros.getValueAtPercentile(99.9) / 1e3),
                Figure.less("slowest", "ms", micros.getMaxValue() / 1e3),
                Figure.less("resident at rest", "MB", atRest),
                Figure.less("resident at most", "MB", atMost),
                Figure.less("processor", "s/million", processorSeconds / rows * 1e6));
    }

    /** Every writer has aggregates of its own, so that their events are committed in the order of their numbers. */
    private void write(Outbox outbox, int first, int transactions, long began, long[] committedAt) throws SQLException {
        long nanosPerTransaction = TimeUnit.SECONDS.toNanos(rowsPerTransaction) / rowsPerSecond;
        try (Connection connection = outbox.connect();
                PreparedStatement insert = Outbox.inserting(connection, Rows.of(1))) {
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

    @Override
    public String toString() {
        return String.format(
                Locale.ROOT, "%,d rows/s, %,d in a transaction, for %d s", rowsPerSecond, rowsPerTransaction, seconds);
    }
}
