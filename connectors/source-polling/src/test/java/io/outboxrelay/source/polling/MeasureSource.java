package io.outboxrelay.source.polling;

import java.lang.management.ManagementFactory;
import java.sql.Connection;
import java.sql.Statement;
import java.time.Duration;
import java.util.Map;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import io.outboxrelay.api.OutboxDatabase;
import io.outboxrelay.testkit.OutboxFixture;
import io.outboxrelay.testkit.PostgresServer;
import io.outboxrelay.testkit.RunningSource;
import org.awaitility.Awaitility;

/**
 * Measures the source alone, deletes included, with a handler that settles at once: {@code MeasureSource rows rounds shards
 * [snapshot]}; with {@code snapshot} another session holds an old one meanwhile. No test; run it by hand, with
 * {@code -Xmx128m -XX:+UseSerialGC}.
 */
final class MeasureSource {

    private MeasureSource() {}

    public static void main(String[] args) throws Exception {
        for (int round = 0; round < Integer.parseInt(args[1]); round++) {
            measure(Integer.parseInt(args[0]), Integer.parseInt(args[2]), args.length > 3);
        }
        System.exit(0);
    }

    private static void measure(int rows, int shards, boolean snapshot) throws Exception {
        HikariConfig config = new HikariConfig();
        config.setMaximumPoolSize(3);
        try (OutboxFixture outbox = OutboxFixture.create(PostgresServer.shared().createDatabase());
                Connection other = outbox.database().connect();
                Statement old = other.createStatement()) {
            for (int written = 0; written < rows; written += 1000) {
                outbox.execute("INSERT INTO outbox (aggregate_type, aggregate_id, type, payload)"
                        + " SELECT 'order', 'customer-' || n % 5000, 'order-placed', jsonb_build_object('order', n, 'total',"
                        + " n * 1.5, 'note', repeat('x', 180)) FROM generate_series(1, 1000) n");
            }
            if (snapshot) {
                other.setAutoCommit(false);
                other.setTransactionIsolation(Connection.TRANSACTION_REPEATABLE_READ);
                old.execute("SELECT count(*) FROM pg_class");
            }
            config.setDataSource(outbox.database().dataSource());
            LaneHandler handler = new LaneHandler();
            try (HikariDataSource pool = new HikariDataSource(config);
                    RunningSource run = RunningSource.start(
                            Sources.factory(Map.of("shards", shards))
                                    .open(new OutboxDatabase(
                                            outbox.outbox().address(),
                                            outbox.outbox().table(),
                                            outbox.outbox().afterDelivery(),
                                            pool)),
                            handler)) {
                long began = System.nanoTime();
                long cpuBegan = cpu();
                Awaitility.await()
                        .atMost(Duration.ofMinutes(5))
                        .pollInterval(Duration.ofMillis(20))
                        .until(() -> handler.count() >= rows || !run.isRunning());
                boolean settled = run.stop(Duration.ofMinutes(1));
                double seconds = (System.nanoTime() - began) / 1e9;
                System.out.printf(
                        "%.0f rows/s, read, handed over and deleted (%s, %s left); %.1f CPU s per million, heap %d MB%n",
                        rows / seconds,
                        settled,
                        outbox.query("SELECT count(*) FROM outbox"),
                        (cpu() - cpuBegan) / 1e3 / rows,
                        (Runtime.getRuntime().totalMemory()
                                        - Runtime.getRuntime().freeMemory())
                                >> 20);
            }
        }
    }

    private static long cpu() {
        return ((com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean())
                .getProcessCpuTime();
    }
}
