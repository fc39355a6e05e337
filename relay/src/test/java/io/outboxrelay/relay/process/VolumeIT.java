package io.outboxrelay.relay.process;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.time.Duration;
import java.util.BitSet;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

import io.outboxrelay.testkit.KafkaServer;
import io.outboxrelay.testkit.PostgresServer;
import io.outboxrelay.testkit.RelayProcess;
import io.outboxrelay.testkit.StoredRecord;
import org.awaitility.Awaitility;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

/**
 * A relay that deletes what it has delivered, with many rows: {@code -Dvolume.rows} in the table at the start, and
 * {@code -Dvolume.churn} through it. The defaults are for every build; {@code docs/benchmarks.md} has the large ones.
 */
class VolumeIT {

    private static final Logger log = LoggerFactory.getLogger(VolumeIT.class);

    private static final int ROWS = Integer.getInteger("volume.rows", 100_000);
    private static final int CHURN = Integer.getInteger("volume.churn", 300_000);

    private static final int AGGREGATES = 100;
    private static final int ROWS_PER_TRANSACTION = 1_000;
    private static final int ROWS_PER_SECOND = 10_000;

    /** The writer waits while so many rows are not delivered. */
    private static final int BACKLOG = 30_000;

    /** From the delete of a row to the use of its place: a second until autovacuum looks, and its own time. */
    private static final int SECONDS_TO_REUSE = 10;

    private static final Map<String, String> SERVER = Map.of("autovacuum_naptime", "1s", "max_wal_size", "4GB");

    enum Mode {
        POLLING("source.type = polling\n", "POLLING"),
        LOG("", "STREAMING");

        private final String configuration;
        private final String state;

        Mode(String configuration, String state) {
            this.configuration = configuration;
            this.state = state;
        }
    }

    @ParameterizedTest
    @EnumSource
    void aTableThatIsFullAtTheStartIsPublishedInOrderAndEmptied(Mode mode) throws Exception {
        try (PostgresServer postgres = PostgresServer.start(SERVER);
                Deployment deployment = deployment(postgres, mode);
                Arrivals arrivals = new Arrivals(deployment.topic(), ROWS)) {
            try (Connection connection = deployment.database().connect()) {
                insert(connection, 0, ROWS);
            }
            long began = System.nanoTime();
            RelayProcess relay = deployment.launchRelay();
            Duration patience = Deployment.PATIENCE.plusSeconds(ROWS / 2_000);

            arrivals.await(ROWS, patience);
            deployment.awaitEmptyTable(patience);
            relay.awaitLine(mode.state, Deployment.PATIENCE);

            log.info("{}: {} rows published and deleted in {} s; {}", mode, ROWS, secondsSince(began), arrivals);
            arrivals.requireOrder();
        }
    }

    @ParameterizedTest
    @EnumSource
    void theTableStaysSmallHoweverMuchGoesThroughIt(Mode mode) throws Exception {
        try (PostgresServer postgres = PostgresServer.start(SERVER);
                Deployment deployment = deployment(postgres, mode);
                Arrivals arrivals = new Arrivals(deployment.topic(), CHURN)) {
            long bytesPerRow = bytesPerRow(deployment);
            long bound = bytesPerRow * (BACKLOG + ROWS_PER_SECOND * SECONDS_TO_REUSE);
            deployment.launchRelay().awaitLine(mode.state, Deployment.PATIENCE);
            long began = System.nanoTime();
            long largest = 0;
            try (Connection connection = deployment.database().connect()) {
                for (int written = 0; written < CHURN; written += ROWS_PER_TRANSACTION) {
                    awaitTurn(began, written, arrivals);
                    insert(connection, written, Math.min(CHURN, written + ROWS_PER_TRANSACTION));
                    largest = Math.max(largest, tableBytes(deployment));
                }
            }
            arrivals.await(CHURN, Deployment.PATIENCE);
            deployment.awaitEmptyTable();

            log.info(
                    "{}: {} rows through the table in {} s; at most {} MB with its indexes, allowed {} MB, {} MB if no"
                            + " place were used again; {}",
                    mode,
                    CHURN,
                    secondsSince(began),
                    largest / 1_000_000,
                    bound / 1_000_000,
                    bytesPerRow * CHURN / 1_000_000,
                    arrivals);
            arrivals.requireOrder();
            assertThat(largest).isLessThan(bound);
        }
    }

    private static Deployment deployment(PostgresServer postgres, Mode mode) throws Exception {
        Deployment deployment = Deployment.create(postgres, KafkaServer.shared());
        deployment.configure(mode.configuration);
        return deployment;
    }

    private static void awaitTurn(long began, int written, Arrivals arrivals) {
        long turn = began + written * TimeUnit.SECONDS.toNanos(1) / ROWS_PER_SECOND;
        if (System.nanoTime() < turn || written - arrivals.distinct() > BACKLOG) {
            await("the writer's turn, and the relay not to be too far behind")
                    .atMost(Deployment.PATIENCE)
                    .pollInterval(Duration.ofMillis(5))
                    .until(() -> System.nanoTime() >= turn && written - arrivals.distinct() <= BACKLOG);
        }
    }

    /** Rows are numbered; the payload is the number, filled up to what an event takes. */
    private static void insert(Connection connection, int from, int to) throws SQLException {
        try (PreparedStatement insert = connection.prepareStatement(
                "INSERT INTO outbox (aggregate_type, aggregate_id, type, payload) SELECT 'order', 'order-' || n % "
                        + AGGREGATES + ", 'placed', to_jsonb(lpad(n::text, 180, '0'))"
                        + " FROM generate_series(?::int, ?::int - 1) n")) {
            insert.setInt(1, from);
            insert.setInt(2, to);
            insert.executeUpdate();
        }
    }

    /** Of a copy of the table, with its indexes. */
    private static long bytesPerRow(Deployment deployment) throws SQLException {
        int rows = 10_000;
        deployment
                .database()
                .execute("ALTER TABLE outbox RENAME TO kept; CREATE TABLE outbox (LIKE kept INCLUDING ALL)");
        try (Connection connection = deployment.database().connect()) {
            insert(connection, 0, rows);
        }
        long bytes = tableBytes(deployment);
        deployment.database().execute("DROP TABLE outbox; ALTER TABLE kept RENAME TO outbox");
        return bytes / rows;
    }

    private static long tableBytes(Deployment deployment) throws SQLException {
        return Long.parseLong(deployment.query("SELECT pg_total_relation_size('outbox')"));
    }

    private static long secondsSince(long began) {
        return TimeUnit.NANOSECONDS.toSeconds(System.nanoTime() - began);
    }

    /** What comes out, judged as it comes: every row once or more, and first in the order of its aggregate. */
    private static final class Arrivals implements AutoCloseable {

        private final ExecutorService thread = Executors.newSingleThreadExecutor();
        private final Future<?> reading;
        private final BitSet seen;
        private final Map<String, Integer> newest = new HashMap<>();

        private volatile boolean closed;
        private final AtomicInteger distinct = new AtomicInteger();
        private final AtomicInteger duplicates = new AtomicInteger();
        private final AtomicInteger outOfOrder = new AtomicInteger();

        Arrivals(String topic, int rows) {
            seen = new BitSet(rows);
            reading = thread.submit(() -> KafkaServer.shared().topics().follow(topic, this::arrived, () -> closed));
        }

        int distinct() {
            return distinct.get();
        }

        void await(int rows, Duration patience) throws InterruptedException, ExecutionException {
            Awaitility.await("all " + rows + " rows to be published")
                    .atMost(patience)
                    .until(() -> distinct.get() == rows || reading.isDone());
            if (reading.isDone()) {
                reading.get();
            }
        }

        void requireOrder() {
            assertThat(outOfOrder.get()).as("rows out of order").isZero();
        }

        private void arrived(StoredRecord record) {
            int number = Integer.parseInt(record.text().replace("\"", ""));
            if (seen.get(number)) {
                duplicates.incrementAndGet();
                return;
            }
            seen.set(number);
            distinct.incrementAndGet();
            if (newest.merge(record.key(), number, Math::max) > number) {
                outOfOrder.incrementAndGet();
            }
        }

        @Override
        public void close() {
            closed = true;
            thread.shutdown();
        }

        @Override
        public String toString() {
            return duplicates + " duplicates, " + outOfOrder + " out of order";
        }
    }
}
