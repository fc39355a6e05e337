package io.outboxrelay.source.debezium;

import java.time.Duration;
import java.util.Map;

import io.outboxrelay.api.SourceStatus.RetainedLog;
import io.outboxrelay.testkit.OutboxFixture;
import io.outboxrelay.testkit.PostgresServer;
import io.outboxrelay.testkit.RecordingHandler;
import io.outboxrelay.testkit.RunningSource;
import io.outboxrelay.testkit.TestDatabase;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What an idle outbox costs the server that other databases keep busy. All of it: {@code -Didle.megabytes=1000}. */
class IdleSlotTest {

    private static final Logger log = LoggerFactory.getLogger(IdleSlotTest.class);

    private static final int MEGABYTES = Integer.getInteger("idle.megabytes", 100);

    private static final long ALLOWED = 32 << 20;

    @Test
    void theLogThatTheServerKeepsForIdleOutboxesIsBounded() throws Exception {
        try (PostgresServer server = PostgresServer.start();
                TestDatabase busy = server.createDatabase();
                OutboxFixture outbox = OutboxFixture.create(server.createDatabase())) {
            busy.execute("CREATE TABLE noise (text text); ALTER TABLE noise ALTER text SET STORAGE EXTERNAL");
            RecordingHandler handler = RecordingHandler.settlingAtOnce();
            try (RunningSource run = RunningSource.start(Sources.open(outbox, Map.of()), handler)) {
                Awaitility.await("the source to stream")
                        .atMost(Duration.ofSeconds(60))
                        .until(handler::isStreaming);
                long most = 0;
                for (int written = 0; written < MEGABYTES; written += 10) {
                    busy.execute("INSERT INTO noise SELECT repeat('x', 1000000) FROM generate_series(1, 10)");
                    most = Math.max(most, retained(run));
                }
                long wrote = System.nanoTime();

                Awaitility.await("less log to be kept")
                        .atMost(Duration.ofSeconds(30))
                        .pollInterval(Duration.ofMillis(100))
                        .until(() -> Long.parseLong(outbox.query(
                                        "SELECT pg_current_wal_lsn() - restart_lsn" + " FROM pg_replication_slots"))
                                < ALLOWED);

                log.warn(
                        "Another database wrote {} MB; at most {} MB were kept, and {} ms after the last write less than 32",
                        MEGABYTES,
                        most >> 20,
                        (System.nanoTime() - wrote) / 1_000_000);
            }
        }
    }

    private static long retained(RunningSource run) {
        return run.status().log().map(RetainedLog::bytes).orElse(0L);
    }
}
