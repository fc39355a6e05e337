package io.outboxrelay.relay;

import java.io.IOException;
import java.lang.reflect.Proxy;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import javax.sql.DataSource;

import io.outboxrelay.api.AfterDelivery;
import io.outboxrelay.api.Broker;
import io.outboxrelay.api.BrokerFactory;
import io.outboxrelay.api.Code;
import io.outboxrelay.api.Finding;
import io.outboxrelay.api.Message;
import io.outboxrelay.api.OutboxDatabase;
import io.outboxrelay.api.PositionLostException;
import io.outboxrelay.api.SourceBusyException;
import io.outboxrelay.api.SourceFactory;
import io.outboxrelay.api.SourceStatus;
import io.outboxrelay.relay.config.AdminAccess;
import io.outboxrelay.relay.config.AdminSettings;
import io.outboxrelay.relay.config.ClaimCheckSettings;
import io.outboxrelay.relay.config.DeliverySettings;
import io.outboxrelay.relay.config.LogFormat;
import io.outboxrelay.relay.config.LogLevel;
import io.outboxrelay.relay.config.LoggingSettings;
import io.outboxrelay.relay.config.OnRejected;
import io.outboxrelay.relay.config.Oversize;
import io.outboxrelay.relay.config.RateLimitSettings;
import io.outboxrelay.relay.config.RejectionSettings;
import io.outboxrelay.relay.config.RelayConfig;
import io.outboxrelay.relay.config.RestartSettings;
import io.outboxrelay.relay.config.RetrySettings;
import io.outboxrelay.relay.config.SourceSettings;
import io.outboxrelay.relay.delivery.NullPayload;
import io.outboxrelay.relay.delivery.Tracing;
import io.outboxrelay.relay.ops.Health;
import io.outboxrelay.relay.ops.Health.State;
import io.outboxrelay.relay.ops.Metrics;
import io.outboxrelay.schema.OutboxTable;
import io.outboxrelay.schema.SchemaScript;
import io.outboxrelay.testkit.PostgresServer;
import io.outboxrelay.testkit.TestDatabase;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

/** Which source the relay reads from, and when: with sources that do what the test says, and a real database. */
class RelayTest {

    private static final Duration PATIENCE = Duration.ofSeconds(20);
    private static final Finding WAL_LEVEL =
            Finding.error(Code.WAL_LEVEL, "wal_level", "is replica", "set it to logical");

    private final ScriptedSource log = new ScriptedSource(false);
    private final ScriptedSource table = new ScriptedSource(true);
    private final Health health = new Health();
    private final Metrics metrics = new Metrics(health);
    private final CompletableFuture<Integer> exitCode = new CompletableFuture<>();

    private volatile boolean databaseIsDown;
    private volatile boolean brokerIsDown;
    private TestDatabase database;
    private Relay relay;

    @BeforeEach
    void createTable() throws SQLException {
        database = PostgresServer.shared().createDatabase();
        database.execute(SchemaScript.TABLE.sql() + SchemaScript.RELAY.sql());
    }

    @AfterEach
    void stop() throws Exception {
        databaseIsDown = false;
        if (relay != null && !exitCode.isDone()) {
            relay.stop();
            assertThat(exitCode.get()).isZero();
        }
        assertThat(log.open.get() + table.open.get()).as("sources left open").isZero();
        database.close();
    }

    @Test
    void aLogThatCanBeReadIsRead() {
        start();

        awaitState(State.STREAMING);
        assertThat(table.begun).hasValue(0);
        assertThat(log.abandoned).hasValue(0);
        assertThat(metrics.text())
                .contains("outbox_relay_mode{mode=\"log\"} 1")
                .contains("outbox_relay_fallbacks_total 0");
    }

    @Test
    void aLogThatCannotBeReadIsGivenUpAndTheTableIsReadAtOnce() {
        log.findings = List.of(WAL_LEVEL);
        start();

        awaitState(State.POLLING);
        assertThat(health.status().reason())
                .isEqualTo("OR-3404 the log cannot be read: OR-3001 wal_level: is replica. Remedy: set it to logical");
        assertThat(log.abandoned).hasValue(1);
        assertThat(log.begun).hasValue(0);
        assertThat(metrics.text())
                .contains("outbox_relay_mode{mode=\"table\"} 1")
                .contains("outbox_relay_fallbacks_total 1");
    }

    @Test
    void theRelayReturnsToTheLogOnceThatIsMendedAndTheTableIsReadToItsEnd() {
        log.findings = List.of(WAL_LEVEL);
        start();
        awaitState(State.POLLING);

        log.findings = List.of();
        await("some looks at a table that is not caught up")
                .pollDelay(Duration.ofMillis(500))
                .until(() -> true);
        assertThat(log.prepared)
                .as("prepared before the table was read to its end")
                .hasValue(0);
        table.isCaughtUp();

        awaitState(State.STREAMING);
        assertThat(log.prepared).hasValue(1);
        assertThat(log.begun).hasValue(1);
        assertThat(table.reading).hasValue(0);
    }

    @Test
    void aLogThatGoesSilentMakesTheRelayUnreadyUntilItMovesAgain() {
        log.keepsOfTheLog(1, "reserved");
        start();
        awaitState(State.STREAMING);

        awaitState(State.WAITING);
        assertThat(health.status().reason()).startsWith("OR-3401 nothing has come from the log for 1");
        assertThat(health.report(Health.Probe.LIVE).ok()).isTrue();

        log.keepsOfTheLog(2, "reserved");
        awaitState(State.STREAMING);
    }

    @Test
    void aLostPositionIsHealedFromTheTableAndNobodyIsToldToStartAfresh() {
        start();
        awaitState(State.STREAMING);
        log.fail(new PositionLostException(Code.POSITION_SLOT_GONE, "the slot is gone", "start afresh"));

        awaitState(State.POLLING);
        assertThat(health.status().reason()).isEqualTo("OR-3404 the log cannot be read: OR-3303 the slot is gone");
        assertThat(log.abandoned).hasValue(1);
        table.isCaughtUp();
        awaitState(State.STREAMING);
    }

    @Test
    void withoutAFallbackALostPositionHalts() {
        start(none(), Duration.ZERO);
        awaitState(State.STREAMING);
        log.findings = List.of(Finding.error(Code.POSITION_SLOT_GONE, "position", "the slot is gone", "start afresh"));
        log.fail(new PositionLostException(Code.POSITION_SLOT_GONE, "the slot is gone", "start afresh"));

        awaitState(State.HALTED);
        await("the check of the next attempt, which finds the same")
                .until(() -> health.status().reason().startsWith("OR-3303 position"));
        assertThat(health.status().state()).isEqualTo(State.HALTED);
        assertThat(log.abandoned).hasValue(0);
    }

    @Test
    void aFailureThatMayPassLeavesTheLogOnlyWhenItHasLasted() {
        long began = System.nanoTime();
        log.failsBeforeItStreams = Optional.of(new IllegalStateException("no answer"));
        start(Optional.of(table), Duration.ofMillis(700));

        awaitState(State.POLLING);
        assertThat(Duration.ofNanos(System.nanoTime() - began)).isGreaterThan(Duration.ofMillis(700));
        assertThat(log.begun).hasValueGreaterThan(2);
        assertThat(health.status().reason()).contains("no answer");
    }

    @Test
    void aFailureThatWaitingDoesNotMendLeavesTheLogAtOnce() {
        log.failsBeforeItStreams = Optional.of(new SQLException("permission denied to start WAL sender", "42501"));
        start(Optional.of(table), Duration.ofHours(1));

        awaitState(State.POLLING);
        assertThat(health.status().reason()).contains("permission denied to start WAL sender");
    }

    @Test
    void aDatabaseThatIsDownIsNoReasonToLeaveTheLog() {
        start(Optional.of(table), Duration.ZERO);
        awaitState(State.STREAMING);
        databaseIsDown = true;
        log.failsBeforeItStreams = Optional.of(new SQLException("Connection refused", "08001"));
        log.fail(new SQLException("the server closed the connection", "08006"));

        awaitState(State.WAITING);
        log.failsBeforeItStreams = Optional.empty();
        databaseIsDown = false;
        awaitState(State.STREAMING);
        assertThat(table.begun).hasValue(0);
    }

    @Test
    void aBrokerThatIsDownIsNoReasonToLeaveTheLog() {
        brokerIsDown = true;
        start(Optional.of(table), Duration.ZERO);

        awaitState(State.WAITING);
        brokerIsDown = false;
        awaitState(State.STREAMING);
        assertThat(table.begun).hasValue(0);
    }

    @Test
    void anotherReaderOfTheLogIsNoReasonToLeaveIt() {
        log.failsBeforeItStreams = Optional.of(new SourceBusyException("the slot is read by process 5"));
        start(Optional.of(table), Duration.ZERO);

        awaitState(State.STANDBY);
        await("another attempt").atMost(PATIENCE).until(() -> log.begun.get() > 1);
        assertThat(table.begun).hasValue(0);
    }

    @Test
    void tooMuchRetainedLogIsGivenUpBeforeItFillsTheDisk() {
        start();
        awaitState(State.STREAMING);
        log.keepsOfTheLog((10L << 30) + 1, "extended");

        awaitState(State.POLLING);
        assertThat(health.status().reason()).contains("more than source.max-retained-wal = 10240 MB");
        assertThat(log.abandoned).hasValue(1);
    }

    @Test
    void tooMuchRetainedLogIsGivenUpWhileTheBrokerIsDownAndNothingRuns() {
        brokerIsDown = true;
        start();
        awaitState(State.WAITING);
        assertThat(log.abandoned).hasValue(0);
        log.keepsOfTheLog((10L << 30) + 1, "extended");

        await("the log to be given up").atMost(PATIENCE).until(() -> log.abandoned.get() == 1);
        assertThat(health.status().state()).isEqualTo(State.WAITING);
        assertThat(log.begun.get() + table.begun.get()).as("runs").isZero();
        brokerIsDown = false;
        awaitState(State.POLLING);
        assertThat(health.status().reason()).contains("more than source.max-retained-wal = 10240 MB");
        table.isCaughtUp();
        awaitState(State.STREAMING);
        assertThat(log.abandoned).hasValue(1);
    }

    @Test
    void retainedLogIsKeptWhileNothingRunsWhereTheTableCannotBeRead() {
        table.findings = List.of(Finding.error(Code.ORDER_COLUMN_MISSING, "seq", "there is none", "name one"));
        log.keepsOfTheLog(1L << 40, "reserved");
        brokerIsDown = true;
        start();

        awaitState(State.WAITING);
        await("some looks at the slot").pollDelay(Duration.ofSeconds(3)).until(() -> true);
        assertThat(log.abandoned).hasValue(0);
    }

    @Test
    void theLogOfAnotherReaderIsNotGivenUpHoweverMuchIsKept() {
        log.keepsOfTheLog(1L << 40, "reserved");
        log.failsBeforeItStreams = Optional.of(new SourceBusyException("the slot is read by process 5"));
        start();

        await("more attempts").atMost(PATIENCE).until(() -> log.begun.get() > 2);
        assertThat(log.abandoned).hasValue(0);
        assertThat(table.begun).hasValue(0);
    }

    @Test
    void aLogThatKeepsTooMuchWhileItIsMadeReadyIsGivenUpAndTriedAgain() {
        log.hasPosition = false;
        log.preparing = new CompletableFuture<>();
        table.isCaughtUp();
        start();
        await("the log to be made ready beside the reading of the table")
                .atMost(PATIENCE)
                .until(() -> log.prepared.get() == 2);
        table.status = SourceStatus.UNKNOWN;
        int abandoned = log.abandoned.get();
        log.keepsOfTheLog((10L << 30) + 1, "reserved");

        await("the log to be given up").atMost(PATIENCE).until(() -> log.abandoned.get() == abandoned + 1);
        await("the reason")
                .atMost(PATIENCE)
                .until(() -> health.status().reason().contains("more than source.max-retained-wal = 10240 MB"));
        assertThat(log.open).as("what was being made ready").hasValue(0);
        assertThat(table.begun).as("the reading of the table went on").hasValue(1);
        table.isCaughtUp();
        log.preparing.complete(null);
        awaitState(State.STREAMING);
        assertThat(log.prepared).hasValue(3);
    }

    @Test
    void retainedLogIsKeptWhereTheTableCannotBeRead() {
        table.findings = List.of(Finding.error(Code.ORDER_COLUMN_MISSING, "seq", "there is none", "name one"));
        start();
        awaitState(State.STREAMING);
        log.keepsOfTheLog(1L << 40, "reserved");

        await("some looks at the slot").pollDelay(Duration.ofSeconds(3)).until(() -> true);
        assertThat(health.status().state()).isEqualTo(State.STREAMING);
        assertThat(log.begun).hasValue(1);
    }

    @Test
    void whereNeitherCanBeReadTheStartFails() throws Exception {
        log.findings = List.of(WAL_LEVEL);
        table.findings = List.of(Finding.error(Code.ORDER_COLUMN_MISSING, "seq", "there is none", "name one"));
        start();

        assertThat(exitCode.get()).isEqualTo(1);
        assertThat(health.status().reason()).startsWith("OR-3001 wal_level: is replica");
    }

    @Test
    void aTableThatCannotBeReadAnyMoreMakesTheLogTheFallback() {
        log.findings = List.of(WAL_LEVEL);
        start();
        awaitState(State.POLLING);
        log.findings = List.of();
        table.findings = List.of(Finding.error(Code.DELETE_RIGHT_MISSING, "rights", "DELETE is missing", "grant it"));
        table.fail(new SQLException("permission denied for table outbox", "42501"));

        awaitState(State.STREAMING);
    }

    @Test
    void aFirstStartOnAnEmptyTableStreamsAtOnce() {
        log.hasPosition = false;
        long began = System.nanoTime();
        start();

        awaitState(State.STREAMING);
        assertThat(Duration.ofNanos(System.nanoTime() - began)).isLessThan(Duration.ofSeconds(1));
        assertThat(table.begun).hasValue(0);
    }

    @Test
    void aFirstStartBesideAnOlderTransactionReadsTheTableUntilTheLogIsReady() {
        log.hasPosition = false;
        log.preparing = new CompletableFuture<>();
        start();

        awaitState(State.POLLING);
        assertThat(log.open)
                .as("logs that are being made ready while the table's reader gives up whatever position it finds")
                .hasValue(0);
        table.isCaughtUp();
        await("the log to be made ready anew").atMost(PATIENCE).until(() -> log.prepared.get() == 2);
        log.preparing.complete(null);
        awaitState(State.STREAMING);
        assertThat(log.prepared).hasValue(2);
    }

    @Test
    void aFirstStartOnALargeTableReadsItFirst() throws SQLException {
        database.execute("INSERT INTO outbox (aggregate_type, aggregate_id, type)"
                + " SELECT 'order', i, 'placed' FROM generate_series(1, 5001) i");
        log.hasPosition = false;
        start();

        awaitState(State.POLLING);
        assertThat(log.prepared).hasValue(0);
        table.isCaughtUp();
        awaitState(State.STREAMING);
    }

    @Test
    void aHandOverThatFailsGoesBackToTheTableAndIsTriedAgain() {
        log.findings = List.of(WAL_LEVEL);
        start();
        awaitState(State.POLLING);
        log.failsBeforeItStreams = Optional.of(new IllegalStateException("the snapshot is gone"));
        log.findings = List.of();
        table.isCaughtUp();

        await("two attempts").atMost(PATIENCE).until(() -> log.begun.get() >= 2);
        awaitState(State.POLLING);
        assertThat(log.abandoned).hasValueGreaterThanOrEqualTo(2);
        log.failsBeforeItStreams = Optional.empty();
        awaitState(State.STREAMING);
    }

    @Test
    void aPreparationThatFailsIsToldAndTriedAgainWhileTheTableIsRead() {
        log.findings = List.of(WAL_LEVEL);
        start();
        awaitState(State.POLLING);
        log.preparing = CompletableFuture.failedFuture(new SQLException("all replication slots are in use", "53400"));
        log.findings = List.of();
        table.isCaughtUp();

        await("the reason")
                .atMost(PATIENCE)
                .until(() -> health.status().reason().contains("all replication slots are in use"));
        assertThat(table.begun).as("the reading of the table went on").hasValue(1);
        log.preparing = CompletableFuture.completedFuture(null);
        awaitState(State.STREAMING);
    }

    @Test
    void aSourceOfTheTablePollsAndNeedsNoReason() {
        relay(new SourceSettings(table, none(), Duration.ZERO, OptionalLong.empty()));

        awaitState(State.POLLING);
        assertThat(health.status().reason()).isEmpty();
        assertThat(table.begun).hasValue(1);
    }

    @Test
    void aStopDuringTheFirstPreparationEndsIt() throws Exception {
        log.hasPosition = false;
        log.preparing = new CompletableFuture<>();
        start();
        await("the preparation").atMost(PATIENCE).until(() -> log.prepared.get() == 1);

        relay.stop();
        assertThat(exitCode.get()).isZero();
    }

    @Test
    void aStopWhileTheLogIsMadeReadyBesideTheTableEndsBoth() throws Exception {
        log.hasPosition = false;
        log.preparing = new CompletableFuture<>();
        table.isCaughtUp();
        start();
        await("the log to be made ready beside the reading of the table")
                .atMost(PATIENCE)
                .until(() -> log.prepared.get() == 2);

        relay.stop();
        assertThat(exitCode.get()).isZero();
    }

    @Test
    void aRelayWhoseLockIsLostEndsItsRunAndTakesTheLockAgain() throws Exception {
        start();
        awaitState(State.STREAMING);
        endTheLocksSession();

        await("a second run").atMost(PATIENCE).until(() -> log.begun.get() == 2 && log.reading.get() == 1);
        assertThat(table.begun).hasValue(0);
        awaitState(State.STREAMING);
    }

    /** Others may have read between. */
    @Test
    void aLogThatWasMadeReadyUnderALockThatIsLostSinceIsNotRead() {
        log.hasPosition = false;
        log.preparing = new CompletableFuture<>();
        table.whileStopping = this::endTheLocksSession;
        table.isCaughtUp();
        start();
        await("the log to be made ready beside the reading of the table")
                .atMost(PATIENCE)
                .until(() -> log.prepared.get() == 2);
        log.hasPosition = true;

        log.preparing.complete(null);

        awaitState(State.STREAMING);
        assertThat(log.opened)
                .as("two that were made ready, and the one that is read")
                .hasValue(3);
        assertThat(log.open).hasValue(1);
    }

    private void endTheLocksSession() {
        try {
            database.execute("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'"
                    + " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())");
        } catch (SQLException e) {
            throw new IllegalStateException(e);
        }
    }

    private void start() {
        start(Optional.of(table), Duration.ofHours(1));
    }

    private void start(Optional<SourceFactory> fallback, Duration after) {
        relay(new SourceSettings(log, fallback, after, OptionalLong.of(10L << 30)));
    }

    private void relay(SourceSettings sources) {
        RelayConfig config = new RelayConfig(
                database.address(),
                OutboxTable.DEFAULT,
                AfterDelivery.DELETE,
                sources,
                new DownBroker(),
                new DeliverySettings(
                        "events",
                        "{aggregateId}",
                        Map.of(),
                        NullPayload.EMPTY,
                        new ClaimCheckSettings(
                                Oversize.REJECT, Set.of(), 1 << 20, Duration.ofDays(7), Optional.empty()),
                        new RejectionSettings(OnRejected.HALT, RejectionSettings.Store.TABLE, "dead"),
                        100,
                        1 << 20,
                        new RateLimitSettings(0, 1_000),
                        new RetrySettings(Duration.ofMillis(10), Duration.ofMillis(100), 3, Duration.ofMinutes(5))),
                new RestartSettings(Duration.ofMillis(50), Duration.ofMillis(200)),
                new AdminSettings(false, "localhost", 0, Duration.ofSeconds(10), AdminAccess.READING, Optional.empty()),
                new LoggingSettings(LogFormat.TEXT, LogLevel.INFO, Map.of()),
                Optional.empty(),
                Duration.ofSeconds(5));
        relay = new Relay(
                config,
                new OutboxDatabase(database.address(), OutboxTable.DEFAULT, AfterDelivery.DELETE, sometimesDown()),
                health,
                metrics,
                Tracing.OFF);
        Thread thread = new Thread(() -> complete(relay::run), "relay");
        thread.start();
    }

    private void complete(Callable<Integer> run) {
        try {
            exitCode.complete(run.call());
        } catch (Exception e) {
            exitCode.completeExceptionally(e);
        }
    }

    private void awaitState(State state) {
        await(state.name())
                .atMost(PATIENCE)
                .pollInterval(Duration.ofMillis(5))
                .until(() -> health.status().state() == state);
    }

    private static Optional<SourceFactory> none() {
        return Optional.empty();
    }

    private DataSource sometimesDown() {
        return (DataSource) Proxy.newProxyInstance(
                getClass().getClassLoader(), new Class<?>[] {DataSource.class}, (proxy, method, arguments) -> {
                    if (databaseIsDown) {
                        throw new SQLException("Connection refused", "08001");
                    }
                    Connection connection = database.dataSource().getConnection();
                    return connection;
                });
    }

    /** Takes no message, and cannot be asked while it is down. */
    private final class DownBroker implements BrokerFactory {

        @Override
        public List<Finding> check(Set<String> destinations) throws IOException {
            if (brokerIsDown) {
                throw new IOException("the broker cannot be reached");
            }
            return List.of();
        }

        @Override
        public Broker open() {
            return new Broker() {
                @Override
                public CompletableFuture<Void> publish(Message message) {
                    return new CompletableFuture<>();
                }

                @Override
                public void close() {}
            };
        }
    }
}
