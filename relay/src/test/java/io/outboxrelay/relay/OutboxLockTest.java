package io.outboxrelay.relay;

import java.sql.SQLException;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicInteger;

import io.outboxrelay.api.AfterDelivery;
import io.outboxrelay.api.OutboxDatabase;
import io.outboxrelay.api.SourceBusyException;
import io.outboxrelay.schema.OutboxTable;
import io.outboxrelay.testkit.PostgresServer;
import io.outboxrelay.testkit.TestDatabase;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

class OutboxLockTest {

    private static final String ITS_SESSIONS = "(SELECT pid FROM pg_locks WHERE locktype = 'advisory'"
            + " AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))";

    private final AtomicInteger lost = new AtomicInteger();
    private TestDatabase database;

    @BeforeEach
    void createDatabase() throws SQLException {
        database = PostgresServer.shared().createDatabase();
    }

    @AfterEach
    void dropDatabase() throws SQLException {
        database.close();
    }

    @Test
    void oneHoldsItAloneAndTheOtherIsToldWho() throws Exception {
        try (OutboxLock second = lock(OutboxTable.DEFAULT, false);
                OutboxLock shared = lock(OutboxTable.DEFAULT, true)) {
            try (OutboxLock first = lock(OutboxTable.DEFAULT, false)) {
                assertThat(first.take()).isTrue();
                assertThat(first.take()).as("taken once more").isFalse();
                assertThatThrownBy(second::take)
                        .isInstanceOf(SourceBusyException.class)
                        .hasMessageMatching("public\\.outbox is read by another relay: backend \\d+"
                                + " \\(outbox-relay\\) from 127\\.0\\.0\\.1.*");
                assertThatThrownBy(shared::take).isInstanceOf(SourceBusyException.class);
            }
            assertThat(second.take()).isTrue();
        }
    }

    @Test
    void readersOfTheTableShareItAndKeepReadersOfTheLogAway() throws Exception {
        try (OutboxLock first = lock(OutboxTable.DEFAULT, true);
                OutboxLock second = lock(OutboxTable.DEFAULT, true);
                OutboxLock alone = lock(OutboxTable.DEFAULT, false)) {
            first.take();
            second.take();

            assertThat(first.isHeld() && second.isHeld()).isTrue();
            assertThatThrownBy(alone::take)
                    .isInstanceOf(SourceBusyException.class)
                    .hasMessageMatching(".*backend \\d+.*, backend \\d+.*");
        }
    }

    @Test
    void anotherTableHasAnotherLock() throws Exception {
        OutboxTable other = new OutboxTable("public", "other", OutboxTable.DEFAULT.columns());
        try (OutboxLock first = lock(OutboxTable.DEFAULT, false);
                OutboxLock second = lock(other, false)) {
            assertThat(first.take()).isTrue();
            assertThat(second.take()).isTrue();
        }
    }

    @Test
    void whoLosesItIsToldAndMayTakeItAgain() throws Exception {
        try (OutboxLock lock = lock(OutboxTable.DEFAULT, false)) {
            lock.take();
            database.execute("SELECT pg_terminate_backend(pid) FROM " + ITS_SESSIONS + " AS holders");

            await("the next ping").atMost(Duration.ofSeconds(5)).until(() -> lost.get() == 1);
            assertThat(lock.isHeld()).isFalse();
            assertThat(lock.take()).isTrue();
        }
        assertThat(lost).as("what is given back is not lost").hasValue(1);
    }

    private OutboxLock lock(OutboxTable table, boolean shared) {
        return new OutboxLock(
                new OutboxDatabase(database.address(), table, AfterDelivery.DELETE, database.dataSource()),
                shared,
                lost::incrementAndGet);
    }
}
