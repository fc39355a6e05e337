package io.outboxrelay.source.debezium;

import java.nio.ByteBuffer;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.ServiceLoader;

import io.outboxrelay.api.DatabaseAddress;
import io.outboxrelay.api.Finding;
import io.outboxrelay.api.OutboxDatabase;
import io.outboxrelay.api.OutboxEvent;
import io.outboxrelay.api.OutboxSource;
import io.outboxrelay.api.SourceBusyException;
import io.outboxrelay.api.SourceProvider;
import io.outboxrelay.postgres.Lsn;
import io.outboxrelay.schema.SchemaScript;
import io.outboxrelay.testkit.OutboxFixture;
import io.outboxrelay.testkit.PostgresServer;
import io.outboxrelay.testkit.RecordingHandler;
import io.outboxrelay.testkit.RunningSource;
import org.awaitility.Awaitility;
import org.awaitility.core.ConditionFactory;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.postgresql.ds.PGSimpleDataSource;

import static org.assertj.core.api.Assertions.assertThat;

/** What is Debezium's own; the rest is in the contract. */
class DebeziumSourceTest {

    private static final Duration LIMIT = Duration.ofSeconds(60);
    private static final Map<String, Object> QUICK = Map.of("heartbeat-interval", "100ms");

    private final List<AutoCloseable> opened = new ArrayList<>();

    @AfterEach
    void closeAll() throws Exception {
        for (int i = opened.size() - 1; i >= 0; i--) {
            opened.get(i).close();
        }
    }

    @Test
    void itIsFoundByItsType() {
        assertThat(ServiceLoader.load(SourceProvider.class).stream()
                        .map(provider -> provider.get().type()))
                .contains("debezium");
    }

    @Test
    void itStreamsAsTheRoleWithTheFewestRights() throws Exception {
        PostgresServer server = use(PostgresServer.start());
        OutboxFixture outbox = OutboxFixture.create(server.createDatabase());
        outbox.execute(SchemaScript.RELAY_ROLE.sql() + "; ALTER ROLE outbox_relay PASSWORD 'secret'");
        DatabaseAddress address = outbox.database().address("outbox_relay", "secret");
        PGSimpleDataSource pool = new PGSimpleDataSource();
        pool.setServerNames(new String[] {address.host()});
        pool.setPortNumbers(new int[] {address.port()});
        pool.setDatabaseName(address.name());
        pool.setUser(address.user());
        pool.setPassword(address.password());
        OutboxDatabase database = new OutboxDatabase(
                address, outbox.outbox().table(), outbox.outbox().afterDelivery(), pool);
        assertThat(Sources.factory(outbox, QUICK).check(database))
                .extracting(Finding::level)
                .doesNotContain(Finding.Level.ERROR);
        RecordingHandler handler = RecordingHandler.settlingAtOnce();
        RunningSource run =
                start(RunningSource.start(Sources.factory(outbox, QUICK).open(database), handler), handler);
        outbox.insert("a", 3);
        await("the rows").until(() -> handler.count() == 3);

        assertThat(run.stop(LIMIT)).isTrue();

        run.awaitReturn(LIMIT);
        run.close();
        awaitFreeSlot(outbox);
        RecordingHandler next = RecordingHandler.settlingAtOnce();
        RunningSource second =
                start(RunningSource.start(Sources.factory(outbox, QUICK).open(database), next), next);
        outbox.insert("b", 1);
        await("the row").until(() -> next.count() > 0);
        assertThat(next.events()).extracting(OutboxEvent::type).containsExactly("b-1");
        second.close();
    }

    @Test
    void aStopLeavesTheSlotAtTheEndOfTheLastTransactionOrBehind() throws Exception {
        OutboxFixture outbox = outbox();
        outbox.execute("SELECT pg_create_logical_replication_slot('" + outbox.slot() + "_peek', 'pgoutput')");
        RecordingHandler handler = RecordingHandler.settlingAtOnce();
        RunningSource run = start(outbox, handler, QUICK);
        outbox.insert("a", 3);
        outbox.insert("b", 3);
        await("the rows").until(() -> handler.count() == 6);

        assertThat(run.stop(LIMIT)).isTrue();

        run.awaitReturn(LIMIT);
        outbox.insert("c", 1);
        List<Lsn> ends = endsOfTransactions(outbox);
        Lsn confirmed = Lsn.parse(outbox.query(
                "SELECT confirmed_flush_lsn FROM pg_replication_slots WHERE slot_name = '" + outbox.slot() + "'"));
        assertThat(ends).hasSize(3);
        assertThat(confirmed).isBetween(ends.get(1), ends.get(2));
        assertThat(confirmed).isNotEqualTo(ends.get(2));
    }

    @Test
    void ofTwoThatStartAtOnceOneStreamsAndTheOtherIsBusy() throws Exception {
        for (int i = 0; i < 3; i++) {
            OutboxFixture outbox = outbox();
            outbox.execute("SELECT pg_create_logical_replication_slot('" + outbox.slot() + "', 'pgoutput')");
            RecordingHandler one = RecordingHandler.settlingAtOnce();
            RecordingHandler other = RecordingHandler.settlingAtOnce();
            RunningSource first = use(RunningSource.start(Sources.open(outbox, QUICK), one));
            RunningSource second = use(RunningSource.start(Sources.open(outbox, QUICK), other));

            await("one to fail").until(() -> !first.isRunning() || !second.isRunning());

            assertThat((first.isRunning() ? second : first).awaitFailure(LIMIT))
                    .isInstanceOf(SourceBusyException.class);
            await("the other to stream").until(() -> one.isStreaming() || other.isStreaming());
        }
    }

    @Test
    void whileThereIsNoRoomTheServerKeepsTheStreamOpen() throws Exception {
        PostgresServer server = use(PostgresServer.start(Map.of("wal_sender_timeout", "2s")));
        OutboxFixture outbox = OutboxFixture.create(server.createDatabase());
        RecordingHandler handler = RecordingHandler.holdingBack(1);
        RunningSource run = start(
                outbox,
                handler,
                Map.of(
                        "max-batch-rows",
                        10,
                        "max-queue-rows",
                        20,
                        "max-queue-bytes",
                        "64k",
                        "progress-timeout",
                        "10s"));
        long began = System.nanoTime();
        outbox.insert("a", 20_000);
        await("the first batch").until(() -> handler.batches() == 1);

        await("longer than the server waits, and than the stream may stand still")
                .until(() -> System.nanoTime() - began > Duration.ofSeconds(13).toNanos());

        assertThat(run.isRunning()).isTrue();
        handler.settleAll();
        await("all rows").until(() -> handler.count() == 20_000);
        run.close();
    }

    @Test
    void aStreamThatHangsIsGivenUp() throws Exception {
        OutboxFixture outbox = outbox();
        RecordingHandler handler = RecordingHandler.settlingAtOnce();
        RunningSource run = start(outbox, handler, Map.of("heartbeat-interval", "100ms", "progress-timeout", "10s"));
        int walsender = Integer.parseInt(
                outbox.query("SELECT active_pid FROM pg_replication_slots WHERE slot_name = '" + outbox.slot() + "'"));
        PostgresServer.shared().signal("STOP", walsender);
        try {
            assertThat(run.awaitFailure(LIMIT)).hasMessageContaining("has not moved");
        } finally {
            PostgresServer.shared().signal("CONT", walsender);
        }
        outbox.insert("a", 1);
        // The hung process ends, as it was told.
        awaitFreeSlot(outbox);
        RecordingHandler next = RecordingHandler.settlingAtOnce();
        start(outbox, next, QUICK);
        await("the row").until(() -> next.count() == 1);
    }

    /** The log has a commit before others see its rows; here for as long as the commit waits for a standby. */
    @Test
    void aRowThatIsDeliveredBeforeOthersSeeItIsRemovedToo() throws Exception {
        PostgresServer server = use(PostgresServer.start());
        OutboxFixture outbox = OutboxFixture.create(server.createDatabase());
        RecordingHandler handler = RecordingHandler.holdingBack();
        start(outbox, handler, QUICK);
        outbox.insert("held", 1);
        await("the first row").until(() -> handler.count() == 1);
        // Behind a row that is not settled no position is written, which would wait for the standby too.
        String position = "SELECT settled_lsn FROM outbox_relay_checkpoint";
        String before = outbox.query(position);
        await("the position to rest")
                .during(Duration.ofMillis(500))
                .until(() -> outbox.query(position).equals(before));
        Thread service = new Thread(() -> insertOne(outbox));
        try (Connection connection = outbox.database().connect();
                Statement settings = connection.createStatement()) {
            settings.execute("ALTER SYSTEM SET synchronous_standby_names = 'nobody'");
            settings.execute("SELECT pg_reload_conf()");
            await("the setting")
                    .until(() -> outbox.query("SHOW synchronous_standby_names").equals("nobody"));
            service.start();
            await("the row").until(() -> handler.count() == 2);

            handler.settle(1);

            await("the cleanup to look for the row")
                    .during(Duration.ofMillis(500))
                    .until(service::isAlive);
            settings.execute("ALTER SYSTEM RESET synchronous_standby_names");
            settings.execute("SELECT pg_reload_conf()");
        }
        service.join(LIMIT.toMillis());
        await("the row to be removed")
                .until(() ->
                        outbox.query("SELECT string_agg(type, ',') FROM outbox").equals("held-1"));
    }

    private static void insertOne(OutboxFixture outbox) {
        try {
            outbox.insert("hidden", 1);
        } catch (SQLException e) {
            throw new IllegalStateException(e);
        }
    }

    @Test
    void aStreamThatHangsBeforeItIsOpenIsGivenUpWithItsSlot() throws Exception {
        OutboxFixture outbox = outbox();
        try (Connection old = outbox.database().connect()) {
            RunningSource run = startBehind(old, outbox);

            assertThat(run.awaitFailure(LIMIT)).hasMessageContaining("has not moved");

            await("the slot to go with the process that was making it").until(() -> !isSlotThere(outbox));
        }
    }

    @Test
    void aRunThatIsClosedBeforeItStreamsLeavesNoSlotBehind() throws Exception {
        OutboxFixture outbox = outbox();
        try (Connection old = outbox.database().connect()) {
            RunningSource run = startBehind(old, outbox);
            await("the slot to be made anew").until(() -> isSlotThere(outbox));

            run.close();

            run.awaitReturn(LIMIT);
            await("the slot to go with the process that was making it").until(() -> !isSlotThere(outbox));
        }
    }

    /** A run whose slot is gone, and whose engine waits for an old transaction in order to make it anew. */
    private RunningSource startBehind(Connection old, OutboxFixture outbox) throws Exception {
        start(outbox, RecordingHandler.settlingAtOnce(), QUICK).close();
        awaitFreeSlot(outbox);
        OutboxSource late = use(Sources.open(
                outbox,
                Map.of(
                        "heartbeat-interval",
                        "100ms",
                        "progress-timeout",
                        "5s",
                        "properties",
                        Map.of("\"internal.create.slot.command.timeout\"", 3600))));
        late.prepare();
        outbox.execute("SELECT pg_drop_replication_slot('" + outbox.slot() + "')");
        old.setAutoCommit(false);
        try (Statement statement = old.createStatement()) {
            statement.execute("INSERT INTO outbox (aggregate_type, aggregate_id, type) VALUES ('order', 'old', 'old')");
        }
        return use(RunningSource.start(late, RecordingHandler.settlingAtOnce()));
    }

    /** The server needs a moment to see that a reader has left. */
    private static void awaitFreeSlot(OutboxFixture outbox) {
        await("the slot to be free")
                .until(() -> outbox.query("SELECT active_pid IS NULL FROM pg_replication_slots WHERE slot_name = '"
                                + outbox.slot() + "'")
                        .equals("t"));
    }

    private static boolean isSlotThere(OutboxFixture outbox) throws SQLException {
        return outbox.query(
                        "SELECT EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = '" + outbox.slot() + "')")
                .equals("t");
    }

    @Test
    void itOutlivesTheEndOfItsOtherSessions() throws Exception {
        OutboxFixture outbox = outbox();
        RecordingHandler handler = RecordingHandler.settlingAtOnce();
        RunningSource run = start(outbox, handler, QUICK);

        PostgresServer.shared()
                .terminateBackends(
                        "datname = '" + outbox.database().address().name() + "' AND backend_type = 'client backend'");
        String now = outbox.query("SELECT pg_current_wal_insert_lsn()");

        await("the idle position to move, or the run to end")
                .until(() -> !run.isRunning()
                        || outbox.query("SELECT confirmed_flush_lsn > '" + now
                                        + "' FROM pg_replication_slots WHERE slot_name = '" + outbox.slot() + "'")
                                .equals("t"));
        outbox.insert("a", 1);
        await("the row, or the end of the run").until(() -> handler.count() >= 1 || !run.isRunning());
        if (handler.count() == 0) {
            awaitFreeSlot(outbox);
            RecordingHandler next = RecordingHandler.settlingAtOnce();
            start(outbox, next, QUICK);
            await("the row").until(() -> next.count() >= 1);
        }
    }

    @Test
    void aMissingPublicationIsNamed() throws Exception {
        OutboxFixture outbox = outbox();
        outbox.execute("DROP PUBLICATION outbox_relay");
        RunningSource run = use(RunningSource.start(Sources.open(outbox, QUICK), RecordingHandler.settlingAtOnce()));

        assertThat(run.awaitFailure(LIMIT)).hasMessageContaining("ublication");
    }

    private OutboxFixture outbox() throws SQLException {
        return use(OutboxFixture.create(PostgresServer.shared().createDatabase()));
    }

    private RunningSource start(OutboxFixture outbox, RecordingHandler handler, Map<String, Object> settings) {
        return start(RunningSource.start(Sources.open(outbox, settings), handler), handler);
    }

    private RunningSource start(RunningSource run, RecordingHandler handler) {
        use(run);
        await("the source to stream").until(() -> handler.isStreaming() || !run.isRunning());
        assertThat(run.isRunning()).isTrue();
        return run;
    }

    private <T extends AutoCloseable> T use(T resource) {
        opened.add(resource);
        return resource;
    }

    private static ConditionFactory await(String reason) {
        return Awaitility.await(reason).atMost(LIMIT).pollInterval(Duration.ofMillis(20));
    }

    /** From the commit messages themselves. */
    private static List<Lsn> endsOfTransactions(OutboxFixture outbox) throws SQLException {
        List<Lsn> ends = new ArrayList<>();
        try (Connection connection = outbox.database().connect();
                Statement statement = connection.createStatement();
                ResultSet row = statement.executeQuery("SELECT data FROM pg_logical_slot_peek_binary_changes('"
                        + outbox.slot()
                        + "_peek', NULL, NULL, 'proto_version', '1', 'publication_names', 'outbox_relay')")) {
            boolean hasRows = false;
            while (row.next()) {
                ByteBuffer message = ByteBuffer.wrap(row.getBytes(1));
                char type = (char) message.get();
                hasRows |= type == 'I';
                if (type == 'C' && hasRows) {
                    // 1 byte of flags, 8 of the commit's LSN, then the end's.
                    ends.add(new Lsn(message.getLong(10)));
                    hasRows = false;
                }
            }
        }
        return ends;
    }
}
