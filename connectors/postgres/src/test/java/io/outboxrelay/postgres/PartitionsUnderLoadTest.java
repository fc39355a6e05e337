package io.outboxrelay.postgres;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

import io.outboxrelay.testkit.PostgresServer;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

import static org.assertj.core.api.Assertions.assertThat;

/** Partitions that come and go while services write. */
class PartitionsUnderLoadTest {

    private static final int WRITERS = 3;

    private PartitionedFixture outbox;

    @BeforeEach
    void createOutbox() throws SQLException {
        outbox = new PartitionedFixture(PostgresServer.shared().createDatabase(), 2_000, 20);
    }

    @AfterEach
    void dropOutbox() throws SQLException {
        outbox.close();
    }

    @Test
    void noInsertFailsAndTheLogHasThemAllUnderTheNameOfTheOutbox() throws SQLException {
        outbox.database()
                .execute("SELECT pg_create_logical_replication_slot('"
                        + outbox.database().address().name() + "', 'pgoutput')");
        outbox.settleNothing();
        outbox.ofLogReader().maintain();
        Partitions partitions = outbox.ofLogReader();

        Load load = new Load();
        Awaitility.await("some partitions to come and go")
                .atMost(Duration.ofMinutes(3))
                .pollInterval(Duration.ofMillis(1))
                .until(() -> {
                    partitions.maintain();
                    outbox.settleAll();
                    return load.committed.get() > 20_000;
                });
        load.end();

        partitions.maintain();
        assertThat(outbox.attached()).doesNotContain("outbox_p1", "outbox_p101", "outbox_p201", "outbox_p2401");
        Map<String, Long> inserts = insertsInTheLog();
        assertThat(inserts).containsOnlyKeys("outbox").containsEntry("outbox", load.committed.get());
    }

    /** Of every table that is named, what pgoutput tells. */
    private Map<String, Long> insertsInTheLog() throws SQLException {
        Map<Integer, String> names = new TreeMap<>();
        Map<String, Long> inserts = new TreeMap<>();
        try (Connection connection = outbox.database().connect();
                Statement statement = connection.createStatement();
                ResultSet rows = statement.executeQuery("SELECT data FROM pg_logical_slot_get_binary_changes('"
                        + outbox.database().address().name()
                        + "', NULL, NULL, 'proto_version', '1', 'publication_names', 'outbox_relay')")) {
            while (rows.next()) {
                ByteBuffer message = ByteBuffer.wrap(rows.getBytes(1));
                char kind = (char) message.get();
                if (kind == 'R') {
                    int relation = message.getInt();
                    String[] texts =
                            new String(message.array(), 5, message.remaining(), StandardCharsets.UTF_8).split("\0", 3);
                    names.put(relation, texts[1]);
                } else if (kind == 'I') {
                    inserts.merge(names.get(message.getInt()), 1L, Long::sum);
                }
            }
        }
        return inserts;
    }

    /** Sessions end at any moment, and so between every two steps; every round is by a relay that is newly started. */
    @Test
    @Timeout(180)
    void killsAtAnyMomentLoseNoRowAndLeaveNoTableBehind() throws Exception {
        outbox.settleNothing();
        outbox.ofLogReader().maintain();
        Load load = new Load();
        AtomicBoolean over = new AtomicBoolean();
        AtomicInteger kills = new AtomicInteger();
        CompletableFuture<Void> killer = CompletableFuture.runAsync(() -> kill(over, kills));
        List<String> failures = new ArrayList<>();

        long end = System.nanoTime() + Duration.ofSeconds(15).toNanos();
        Partitions partitions = outbox.ofTableReader();
        for (int round = 0; System.nanoTime() < end || kills.get() <= 20 || failures.isEmpty(); round++) {
            if (round % 4 == 0) {
                // A log reader that settles nothing detaches what holds rows; a table reader must keep that.
                partitions = round % 8 == 0 ? outbox.ofLogReader() : outbox.ofTableReader();
            }
            try {
                partitions.maintain();
            } catch (SQLException e) {
                failures.add(e.getMessage());
            }
        }
        over.set(true);
        killer.join();
        load.end();

        long left = Long.parseLong(outbox.one("SELECT count(*) FROM outbox"));
        for (String table : outbox.detached()) {
            left += Long.parseLong(outbox.one("SELECT count(*) FROM " + table));
        }
        assertThat(left).isEqualTo(load.committed.get());

        Partitions last = outbox.ofLogReader();
        Awaitility.await("one relay to tidy up")
                .atMost(Duration.ofSeconds(90))
                .pollInterval(Duration.ofMillis(100))
                .until(() -> {
                    outbox.settleAll();
                    last.maintain();
                    return outbox.recorded().isEmpty();
                });
        assertThat(outbox.all("SELECT relname FROM pg_class WHERE relkind = 'r' AND relname LIKE 'outbox_p%'"
                        + " AND NOT relispartition"))
                .isEmpty();
    }

    private void kill(AtomicBoolean over, AtomicInteger kills) {
        Random random = new Random(7);
        while (!over.get()) {
            try {
                kills.addAndGet(PostgresServer.shared()
                        .terminateBackends("application_name = 'outbox-relay' AND datname = '"
                                + outbox.database().address().name() + "' AND random() < 0.5"));
            } catch (SQLException e) {
                throw new IllegalStateException(e);
            }
            long until =
                    System.nanoTime() + Duration.ofMillis(random.nextInt(60)).toNanos();
            while (System.nanoTime() < until) {
                Thread.onSpinWait();
            }
        }
    }

    /** Writers that take a number, wait a little, insert it, and commit or roll back. */
    private final class Load {

        final AtomicLong committed = new AtomicLong();
        private final AtomicBoolean over = new AtomicBoolean();
        private final List<CompletableFuture<Void>> writers = new ArrayList<>();

        Load() {
            for (int i = 0; i < WRITERS; i++) {
                Random random = new Random(i);
                writers.add(CompletableFuture.runAsync(() -> write(random)));
            }
        }

        void end() {
            over.set(true);
            writers.forEach(CompletableFuture::join);
        }

        private void write(Random random) {
            try (Connection connection = outbox.database().connect();
                    PreparedStatement insert = connection.prepareStatement("INSERT INTO outbox (seq, aggregate_type,"
                            + " aggregate_id, type, payload) SELECT n, 'order', n % 7, 'OrderPlaced', '{}'"
                            + " FROM unnest(?::bigint[]) n")) {
                connection.setAutoCommit(false);
                while (!over.get()) {
                    int rows = 1 + random.nextInt(40);
                    insert.setObject(1, numbers(connection, rows));
                    insert.executeUpdate();
                    if (random.nextInt(5) == 0) {
                        connection.rollback();
                    } else {
                        connection.commit();
                        committed.addAndGet(rows);
                    }
                }
            } catch (SQLException e) {
                throw new IllegalStateException(e);
            }
        }

        private Object numbers(Connection connection, int count) throws SQLException {
            try (Statement statement = connection.createStatement();
                    ResultSet row = statement.executeQuery("SELECT array_agg(nextval('outbox_seq')), pg_sleep(0.003)"
                            + " FROM generate_series(1, " + count + ")")) {
                row.next();
                return row.getArray(1);
            }
        }
    }
}
