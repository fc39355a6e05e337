package io.outboxrelay.testkit;

import java.nio.ByteBuffer;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

import io.outboxrelay.api.DatabaseAddress;
import io.outboxrelay.api.Finding;
import io.outboxrelay.api.OutboxDatabase;
import io.outboxrelay.api.OutboxEvent;
import io.outboxrelay.api.SourceBusyException;
import io.outboxrelay.schema.SchemaScript;
import org.junit.jupiter.api.Test;
import org.postgresql.ds.PGSimpleDataSource;

import static org.assertj.core.api.Assertions.assertThat;

/** How a source that reads Postgres' log gets along with its server: rights, sessions, slots and streams that hang. */
public abstract class LogServerContract extends LogSourceSuite {

    /** For subclasses. */
    protected LogServerContract() {}

    /** Settings with which the stream is not read on where there is no room for another ten rows, and may stand still for 10 s. */
    protected abstract Map<String, Object> littleRoom();

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
        assertThat(factory(outbox, Map.of()).check(database))
                .extracting(Finding::level)
                .doesNotContain(Finding.Level.ERROR);
        RecordingHandler handler = RecordingHandler.settlingAtOnce();
        RunningSource run = start(factory(outbox, Map.of()).open(database), handler);
        outbox.insert("a", 3);
        await("the rows").until(() -> handler.count() == 3);

        assertThat(run.stop(LIMIT)).isTrue();

        run.awaitReturn(LIMIT);
        run.close();
        awaitFreeSlot(outbox);
        RecordingHandler next = RecordingHandler.settlingAtOnce();
        RunningSource second = start(factory(outbox, Map.of()).open(database), next);
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
        RunningSource run = start(outbox, handler);
        outbox.insert("a", 3);
        outbox.insert("b", 3);
        await("the rows").until(() -> handler.count() == 6);

        assertThat(run.stop(LIMIT)).isTrue();

        run.awaitReturn(LIMIT);
        outbox.insert("c", 1);
        List<Long> ends = endsOfTransactions(outbox);
        long confirmed = Long.parseLong(slot(outbox, "confirmed_flush_lsn - '0/0'"));
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
            RunningSource first = use(RunningSource.start(open(outbox), one));
            RunningSource second = use(RunningSource.start(open(outbox), other));

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
        RunningSource run = start(() -> factory(outbox, littleRoom()).open(outbox.outbox()), handler);
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
        RunningSource run =
                start(() -> factory(outbox, Map.of("progress-timeout", "5s")).open(outbox.outbox()), handler);
        int walsender = Integer.parseInt(slot(outbox, "active_pid"));
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
        start(outbox, next);
        await("the row").until(() -> next.count() == 1);
    }

    /** The log has a commit before others see its rows; here for as long as the commit waits for a standby. */
    @Test
    void aRowThatIsDeliveredBeforeOthersSeeItIsRemovedToo() throws Exception {
        PostgresServer server = use(PostgresServer.start());
        OutboxFixture outbox = OutboxFixture.create(server.createDatabase());
        RecordingHandler handler = RecordingHandler.holdingBack();
        start(outbox, handler);
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
    void itOutlivesTheEndOfItsOtherSessions() throws Exception {
        OutboxFixture outbox = outbox();
        RecordingHandler handler = RecordingHandler.settlingAtOnce();
        RunningSource run = start(outbox, handler);

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
            start(outbox, next);
            await("the row").until(() -> next.count() >= 1);
        }
    }

    @Test
    void aMissingPublicationIsNamed() throws Exception {
        OutboxFixture outbox = outbox();
        outbox.execute("DROP PUBLICATION outbox_relay");
        RunningSource run = use(RunningSource.start(open(outbox), RecordingHandler.settlingAtOnce()));

        assertThat(run.awaitFailure(LIMIT)).hasMessageContaining("ublication");
    }

    /** From the commit messages themselves. */
    private static List<Long> endsOfTransactions(OutboxFixture outbox) throws SQLException {
        List<Long> ends = new ArrayList<>();
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
                    ends.add(message.getLong(10));
                    hasRows = false;
                }
            }
        }
        return ends;
    }
}
