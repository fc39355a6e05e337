package io.outboxrelay.relay.process;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;

import io.outboxrelay.testkit.KafkaServer;
import io.outboxrelay.testkit.PostgresServer;
import io.outboxrelay.testkit.RelayProcess;
import io.outboxrelay.testkit.StoredRecord;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import static org.assertj.core.api.Assertions.assertThat;

/** How many messages come twice after one crash at 5,000 rows per second. */
class DuplicatesIT {

    private static final Logger log = LoggerFactory.getLogger(DuplicatesIT.class);

    private static final int ROWS_PER_SECOND = 5_000;
    private static final int ROWS_PER_TRANSACTION = 100;
    private static final int IN_FLIGHT = 2_000;

    /** Of 100 ms. */
    private static final int ROWS_PER_POSITION_INTERVAL = ROWS_PER_SECOND / 10;

    /**
     * What is delivered and not yet removed has left what is in flight, and the position waits for its removal. Where the
     * cleanup falls behind, 50 statements' worth may wait. Here it keeps up: rows wait some 20 ms for company, so that one
     * statement's worth, which is 0.4 s at this rate, is more than is ever there.
     */
    private static final int ROWS_BEING_REMOVED = 2_000;

    private static final int BOUND = IN_FLIGHT + ROWS_BEING_REMOVED + ROWS_PER_POSITION_INTERVAL + ROWS_PER_TRANSACTION;

    /** So that the rows of a whole test lie within one checkpoint's reach, as bad as it can be. */
    private static final int ROWS_BEFORE = 6 * ROWS_PER_SECOND;

    @Test
    void afterAKillOfTheRelayTheyAreNoMoreThanWasUnderWay() throws Exception {
        try (PostgresServer postgres = PostgresServer.start();
                KafkaServer kafka = KafkaServer.start();
                Deployment deployment = Deployment.create(postgres, kafka)) {
            deployment.configure("delivery.max-in-flight = " + IN_FLIGHT + "\n");
            deployment.createSlot();
            RelayProcess relay = deployment.startRelay();
            try (SteadyWriter writer = new SteadyWriter(deployment)) {
                writer.await(ROWS_BEFORE);
                relay.kill();
                deployment.startRelay();
                writer.await(2 * ROWS_BEFORE);
                int rows = writer.stop();

                int duplicates = readAll(deployment, rows).size() - rows;
                log.info(
                        "Duplicates after a kill of the relay at {} rows/s: {}; allowed {}: {} in flight, {} being"
                                + " removed, {} in a position interval, {} in the open transaction",
                        writer.rate(),
                        duplicates,
                        BOUND,
                        IN_FLIGHT,
                        ROWS_BEING_REMOVED,
                        ROWS_PER_POSITION_INTERVAL,
                        ROWS_PER_TRANSACTION);
                assertThat(duplicates).isLessThanOrEqualTo(BOUND);
            }
        }
    }

    @Test
    void afterACrashOfPostgresTheyAreThatAndWhatTheSlotFellBack() throws Exception {
        try (PostgresServer postgres = PostgresServer.start();
                KafkaServer kafka = KafkaServer.start();
                Deployment deployment = Deployment.create(postgres, kafka)) {
            deployment.configure("delivery.max-in-flight = " + IN_FLIGHT + "\n");
            deployment.createSlot();
            RelayProcess relay = deployment.startRelay();
            try (SteadyWriter writer = new SteadyWriter(deployment)) {
                writer.await(ROWS_BEFORE);
                long confirmed = confirmed(deployment);
                int said = relay.output().size();
                postgres.kill();
                int before = writer.stop();
                postgres.restart();
                long fallenBackTo = confirmed(deployment);
                int fellBack = before - writer.rowsUpTo(fallenBackTo);
                int rows = Integer.parseInt(deployment.query("SELECT total FROM steady"));
                Awaitility.await("the relay to stream again")
                        .atMost(Deployment.PATIENCE)
                        .until(() -> relay.output().stream().skip(said).anyMatch(line -> line.contains("STREAMING")));

                int duplicates = readAll(deployment, rows).size() - rows;
                log.info(
                        "Duplicates after a crash of Postgres at {} rows/s: {}; the slot fell back by {} kB, to before"
                                + " the last {} rows",
                        writer.rate(),
                        duplicates,
                        Math.max(0, confirmed - fallenBackTo) / 1024,
                        fellBack);
                assertThat(duplicates).isLessThanOrEqualTo(fellBack + BOUND);
            }
        }
    }

    /** Waits until the position has passed all that is in the log: then whatever comes twice has come. */
    private static List<StoredRecord> readAll(Deployment deployment, int rows) throws SQLException {
        long end = Long.parseLong(deployment.query("SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint"));
        for (long at = confirmed(deployment); at < end; at = confirmed(deployment)) {
            long before = at;
            Awaitility.await("the position to move on, until all " + rows + " rows are settled")
                    .atMost(Deployment.PATIENCE)
                    .pollInterval(Duration.ofMillis(200))
                    .until(() -> confirmed(deployment) > before);
        }
        assertThat(deployment.query("SELECT count(*) FROM outbox"))
                .as("rows left")
                .isEqualTo("0");
        List<StoredRecord> all = deployment.records();
        assertThat(all.stream().map(StoredRecord::text).distinct().count())
                .as("rows delivered")
                .isEqualTo(rows);
        return all;
    }

    private static long confirmed(Deployment deployment) throws SQLException {
        return Long.parseLong(deployment.query("SELECT (confirmed_flush_lsn - '0/0')::bigint FROM pg_replication_slots"
                + " WHERE slot_name = '" + deployment.database().address().name() + "'"));
    }

    /** Writes numbered rows at a steady rate, and keeps where in the log they ended. */
    private static final class SteadyWriter implements AutoCloseable {

        private record Mark(long log, int rows) {}

        private final Deployment deployment;
        private final List<Mark> marks = new ArrayList<>();
        private final Thread thread = new Thread(this::write, "steady-writer");
        private volatile boolean stopping;
        private final AtomicInteger rows = new AtomicInteger();
        private volatile long nanos;

        SteadyWriter(Deployment deployment) throws SQLException {
            this.deployment = deployment;
            deployment.database().execute("CREATE TABLE steady (total int NOT NULL); INSERT INTO steady VALUES (0)");
            thread.setDaemon(true);
            thread.start();
        }

        void await(int count) {
            Awaitility.await("the writer to have written " + count + " rows")
                    .atMost(Deployment.PATIENCE)
                    .until(() -> rows.get() >= count);
        }

        /** Returns how many rows are known to be committed. */
        int stop() throws InterruptedException {
            stopping = true;
            thread.join();
            return rows.get();
        }

        long rate() {
            return Math.round(rows.get() / (nanos / 1e9));
        }

        /** How many rows were committed before this place in the log. */
        int rowsUpTo(long log) {
            return marks.stream()
                    .filter(mark -> mark.log() <= log)
                    .mapToInt(Mark::rows)
                    .max()
                    .orElse(0);
        }

        @Override
        public void close() {
            stopping = true;
        }

        private void write() {
            long began = System.nanoTime();
            try (Connection connection = deployment.database().connect();
                    PreparedStatement insert = connection.prepareStatement(
                            "INSERT INTO outbox (aggregate_type, aggregate_id, type, payload) SELECT 'order', 'k' || n %"
                                    + " 100, 'placed', to_jsonb(n) FROM generate_series(?::int, ?::int) n");
                    PreparedStatement total = connection.prepareStatement("UPDATE steady SET total = ?");
                    PreparedStatement position =
                            connection.prepareStatement("SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint")) {
                connection.setAutoCommit(false);
                while (!stopping) {
                    int last = rows.get() + ROWS_PER_TRANSACTION;
                    insert.setInt(1, rows.get() + 1);
                    insert.setInt(2, last);
                    insert.execute();
                    total.setInt(1, last);
                    total.execute();
                    connection.commit();
                    rows.set(last);
                    nanos = System.nanoTime() - began;
                    try (ResultSet row = position.executeQuery()) {
                        row.next();
                        marks.add(new Mark(row.getLong(1), last));
                    }
                    connection.commit();
                    LockSupport.parkNanos(
                            began + last * TimeUnit.SECONDS.toNanos(1) / ROWS_PER_SECOND - System.nanoTime());
                }
            } catch (SQLException e) {
                log.info("The writer ended with its server: {}", e.getMessage());
            }
        }
    }
}
