package io.outboxrelay.postgres;

import java.sql.SQLException;
import java.time.Duration;
import java.util.List;

import io.outboxrelay.testkit.PostgresServer;
import io.outboxrelay.testkit.TestDatabase;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

class LeaseTest {

    private static final Duration LONG = Duration.ofMinutes(1);
    private static final Duration SHORT = Duration.ofSeconds(2);
    private static final Lease.Key KEY = Lease.Key.of("outbox-relay", "public.outbox");

    private TestDatabase database;

    @BeforeEach
    void create() throws SQLException {
        database = PostgresServer.shared().createDatabase();
    }

    @AfterEach
    void drop() throws SQLException {
        database.close();
    }

    @Test
    void aLockIsHeldByOneUntilItIsGivenBack() throws SQLException {
        try (Lease first = open(LONG);
                Lease second = open(LONG)) {
            assertThat(first.tryLock(KEY)).isTrue();
            assertThat(second.tryLock(KEY)).isFalse();
            assertThat(second.tryLockShared(KEY)).isFalse();

            first.unlock(KEY);

            assertThat(second.tryLock(KEY)).isTrue();
        }
    }

    @Test
    void aSharedLockIsHeldBySeveralAndKeepsOthersFromHavingItAlone() throws SQLException {
        try (Lease first = open(LONG);
                Lease second = open(LONG)) {
            assertThat(first.tryLockShared(KEY)).isTrue();
            assertThat(second.tryLockShared(KEY)).isTrue();
            assertThat(second.tryLock(KEY)).isFalse();
            assertThat(first.look(List.of(KEY))).hasSize(2);

            first.unlockShared(KEY);

            assertThat(second.look(List.of(KEY))).hasSize(1);
        }
    }

    @Test
    void holdersAreThoseOfThisKeyAndDatabase() throws SQLException {
        try (TestDatabase other = PostgresServer.shared().createDatabase();
                Lease elsewhere = Lease.open(other.address(), LONG);
                Lease here = open(LONG)) {
            elsewhere.tryLock(KEY);
            here.tryLock(Lease.Key.of("outbox-relay", "public.other"));

            assertThat(here.look(List.of(KEY))).isEmpty();
            for (long number : new long[] {0, -1, 1L << 32, Long.MIN_VALUE, Long.MAX_VALUE, 0x8000_0000L}) {
                Lease.Key key = new Lease.Key(number);
                assertThat(here.tryLock(key)).isTrue();
                assertThat(here.look(List.of(key))).as(key.toString()).hasSize(1);
            }
        }
    }

    @Test
    void aLookTellsWhoHoldsWhichOfSomeLocks() throws SQLException {
        Lease.Key free = Lease.Key.of("free");
        Lease.Key unasked = Lease.Key.of("unasked");
        try (Lease first = open(LONG);
                Lease second = open(LONG)) {
            assertThat(first.look(List.of(KEY, free))).isEmpty();
            assertThat(first.look(List.of())).isEmpty();
            first.tryLock(unasked);
            first.tryLockShared(KEY);
            second.tryLockShared(KEY);

            List<Lease.Holding> holdings = second.look(List.of(KEY, free));

            assertThat(holdings).extracting(Lease.Holding::key).containsOnly(KEY);
            assertThat(holdings)
                    .extracting(holding -> holding.holder().pid())
                    .containsExactlyInAnyOrder(first.backend(), second.backend());
            assertThat(holdings.get(0).holder())
                    .asString()
                    .startsWith("backend ")
                    .contains("(outbox-relay)");
        }
    }

    @Test
    void aKeyIsTheSameForTheSameNameOnly() {
        assertThat(Lease.Key.of("a", "b")).isEqualTo(Lease.Key.of("a", "b"));
        assertThat(Lease.Key.of("a", "b")).isNotEqualTo(Lease.Key.of("ab")).isNotEqualTo(Lease.Key.of("b", "a"));
    }

    @Test
    void whoDoesNotPingLosesTheLockAndIsToldSo() throws SQLException {
        try (Lease silent = open(SHORT);
                Lease other = open(LONG)) {
            assertThat(silent.tryLock(KEY)).isTrue();

            Awaitility.await("the server to end the silent session")
                    .atMost(Duration.ofSeconds(60))
                    .pollInterval(Duration.ofMillis(50))
                    .pollInSameThread()
                    .until(() -> other.tryLock(KEY));

            assertThatExceptionOfType(SQLException.class).isThrownBy(silent::ping);
        }
    }

    @Test
    void whoPingsKeepsIt() throws SQLException {
        try (Lease pinging = open(Duration.ofSeconds(4));
                Lease other = open(LONG)) {
            assertThat(pinging.tryLock(KEY)).isTrue();
            long began = System.nanoTime();

            Awaitility.await("more than twice the length of the lease")
                    .atMost(Duration.ofSeconds(60))
                    .pollInterval(Duration.ofMillis(100))
                    .pollInSameThread()
                    .until(() -> {
                        assertThatCode(pinging::ping).doesNotThrowAnyException();
                        return System.nanoTime() - began > Duration.ofSeconds(9).toNanos();
                    });

            assertThat(other.tryLock(KEY)).isFalse();
        }
    }

    @Test
    void aSessionThatWasTerminatedIsNoticed() throws SQLException {
        try (Lease lease = open(LONG)) {
            PostgresServer.shared().terminateBackends("pid = " + lease.backend());

            assertThatExceptionOfType(SQLException.class).isThrownBy(lease::ping);
            assertThatExceptionOfType(SQLException.class).isThrownBy(() -> lease.look(List.of(KEY)));
        }
    }

    @Test
    void closingGivesAllLocksBack() throws SQLException {
        Lease first = open(LONG);
        first.tryLock(KEY);

        first.close();

        try (Lease second = open(LONG)) {
            Awaitility.await("the server to see that the session has ended")
                    .atMost(Duration.ofSeconds(60))
                    .pollInSameThread()
                    .until(() -> second.tryLock(KEY));
        }
    }

    private Lease open(Duration length) throws SQLException {
        return Lease.open(database.address(), length);
    }
}
