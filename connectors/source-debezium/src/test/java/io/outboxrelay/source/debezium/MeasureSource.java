package io.outboxrelay.source.debezium;

import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.Callable;

import io.outboxrelay.api.AfterDelivery;
import io.outboxrelay.api.AfterDelivery.Action;
import io.outboxrelay.testkit.OutboxFixture;
import io.outboxrelay.testkit.PostgresServer;
import io.outboxrelay.testkit.RecordingHandler;
import io.outboxrelay.testkit.RunningSource;
import org.awaitility.Awaitility;

/**
 * Measures the source alone, with a handler that settles at once, until all rows are handed over and what becomes of them
 * has happened: {@code MeasureSource rows rounds KEEP,DELETE [setup SQL]}. No test; run it by hand, with
 * {@code -Xmx128m -XX:+UseSerialGC}.
 */
final class MeasureSource {

    private MeasureSource() {}

    public static void main(String[] args) throws Exception {
        int rows = Integer.parseInt(args[0]);
        for (int round = 0; round < Integer.parseInt(args[1]); round++) {
            for (String action : args[2].split(",", -1)) {
                measure(rows, AfterDelivery.of(Action.valueOf(action)), args.length > 3 ? args[3] : "SELECT 1");
            }
        }
        System.exit(0);
    }

    private static void measure(int rows, AfterDelivery after, String setUp) throws Exception {
        try (OutboxFixture outbox = OutboxFixture.create(PostgresServer.shared().createDatabase())) {
            outbox.execute(setUp);
            outbox.execute("SELECT pg_create_logical_replication_slot('" + outbox.slot() + "', 'pgoutput')");
            for (int written = 0; written < rows; written += 1000) {
                outbox.execute("INSERT INTO outbox (aggregate_type, aggregate_id, type, payload)"
                        + " SELECT 'order', 'customer-' || n % 5000, 'order-placed', jsonb_build_object('order', n, 'total',"
                        + " n * 1.5, 'note', repeat('x', 180)) FROM generate_series(1, 1000) n");
            }
            RecordingHandler handler = RecordingHandler.passing(event -> {});
            try (RunningSource run = RunningSource.start(Sources.open(outbox, after, Map.of()), handler)) {
                Awaitility.await()
                        .atMost(Duration.ofSeconds(30))
                        .pollInterval(Duration.ofMillis(5))
                        .until(() -> handler.count() > 0 || !run.isRunning());
                long gone = after.action() == Action.KEEP ? 0 : rows;
                long first = handler.count();
                long began = System.nanoTime();
                long cpuBegan = cpu();
                awaitOrEnd(run, () -> handler.count() >= rows);
                double handedOver = (System.nanoTime() - began) / 1e9;
                awaitOrEnd(run, () -> run.status().removed() >= gone);
                double seconds = (System.nanoTime() - began) / 1e9;
                System.out.printf(
                        "%s: %.0f rows/s handed over, %.0f rows/s in all, %.1f CPU s per million, heap %d MB%n",
                        after.action(),
                        (rows - first) / handedOver,
                        (rows - first) / seconds,
                        (cpu() - cpuBegan) / 1e3 / (rows - first),
                        (Runtime.getRuntime().totalMemory()
                                        - Runtime.getRuntime().freeMemory())
                                >> 20);
            }
        }
    }

    private static void awaitOrEnd(RunningSource run, Callable<Boolean> condition) {
        Awaitility.await()
                .atMost(Duration.ofMinutes(5))
                .pollInterval(Duration.ofMillis(20))
                .until(() -> !run.isRunning() || condition.call());
    }

    private static long cpu() {
        return ((com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean())
                .getProcessCpuTime();
    }
}
