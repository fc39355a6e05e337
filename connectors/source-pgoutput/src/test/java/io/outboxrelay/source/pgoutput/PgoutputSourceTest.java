package io.outboxrelay.source.pgoutput;

import java.lang.reflect.Proxy;
import java.nio.charset.StandardCharsets;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.ServiceLoader;
import java.util.concurrent.CountDownLatch;

import io.outboxrelay.api.AfterDelivery;
import io.outboxrelay.api.AfterDelivery.Action;
import io.outboxrelay.api.Code;
import io.outboxrelay.api.Coded;
import io.outboxrelay.api.EventHandler;
import io.outboxrelay.api.OutboxEvent;
import io.outboxrelay.api.SourceBusyException;
import io.outboxrelay.api.SourceProvider;
import io.outboxrelay.testkit.OutboxFixture;
import io.outboxrelay.testkit.PostgresServer;
import io.outboxrelay.testkit.RecordingHandler;
import io.outboxrelay.testkit.RunningSource;
import org.awaitility.Awaitility;
import org.awaitility.core.ConditionFactory;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;

/** What is this reader's own; the rest is in the contracts. */
class PgoutputSourceTest {

    private static final Duration LIMIT = Duration.ofSeconds(60);
    private static final AfterDelivery KEEP = AfterDelivery.of(Action.KEEP);

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
                .contains("pgoutput");
    }

    /**
     * Postgres stores slots at its own checkpoints, and now and then besides; so it is crashed until the slot has fallen back.
     * The rows stay, so that the log alone decides what comes again.
     */
    @Test
    void afterACrashOfTheServerThatSetsTheSlotBackNothingConfirmedComesAgain() throws Exception {
        PostgresServer server = use(PostgresServer.start());
        OutboxFixture outbox = OutboxFixture.create(server.createDatabase());
        RecordingHandler handler = RecordingHandler.settlingAtOnce();
        RunningSource run = start(outbox, KEEP, Map.of(), handler);
        outbox.execute("CHECKPOINT");
        boolean hasFallenBack = false;
        for (int crash = 1; crash <= 10 && !hasFallenBack; crash++) {
            insertAndAwaitSlot(outbox, "stored with the checkpoint " + crash);
            String confirmed = insertAndAwaitSlot(outbox, "confirmed " + crash);
            server.kill();
            run.awaitFailure(LIMIT);
            server.restart();
            hasFallenBack = "t".equals(slot(outbox, "confirmed_flush_lsn < '" + confirmed + "'"));

            handler = RecordingHandler.settlingAtOnce();
            run = start(outbox, KEEP, Map.of(), handler);
            outbox.insert("new", 1);
            RecordingHandler next = handler;
            await("the new row").until(() -> types(next).contains("new-1"));
            assertThat(types(next)).containsExactly("new-1");
        }
        assertThat(hasFallenBack).isTrue();
        run.close();
    }

    /** Returns a place behind the rows. */
    private static String insertAndAwaitSlot(OutboxFixture outbox, String aggregate) throws SQLException {
        outbox.insert(aggregate, 100);
        String written = outbox.query("SELECT pg_current_wal_lsn()");
        await("the slot to be moved over the rows")
                .until(() -> "t".equals(slot(outbox, "confirmed_flush_lsn >= '" + written + "'")));
        return written;
    }

    @Test
    void aPublicationWhoseNameNeedsQuotesIsRead() throws Exception {
        OutboxFixture outbox = outbox();
        outbox.execute("ALTER PUBLICATION outbox_relay RENAME TO \"Out \"\"Box\"\", it's\"");
        RecordingHandler handler = RecordingHandler.settlingAtOnce();

        start(outbox, AfterDelivery.DELETE, Map.of("publication", "Out \"Box\", it's"), handler);
        outbox.insert("a", 1);

        await("the row").until(() -> handler.count() == 1);
    }

    @Test
    void theTableMayChangeWhileItIsRead() throws Exception {
        OutboxFixture outbox = outbox();
        RecordingHandler handler = RecordingHandler.settlingAtOnce();
        start(outbox, KEEP, Map.of(), handler);
        outbox.insert("first", 1);
        outbox.execute("ALTER TABLE outbox ADD note text DEFAULT 'x', DROP created_at");
        outbox.insert("added and dropped", 1);
        outbox.execute("ALTER TABLE outbox ALTER id DROP DEFAULT, ALTER id TYPE text USING id::text,"
                + " ALTER id SET DEFAULT 'plain', ALTER payload TYPE bytea USING convert_to(payload::text, 'UTF8')");
        outbox.execute("INSERT INTO outbox (aggregate_type, aggregate_id, type, payload)"
                + " VALUES ('order', 'a', 'types changed', '\\x00ff')");
        outbox.execute(
                "CREATE DOMAIN short AS varchar(20); CREATE DOMAIN shorter AS short;"
                        + "CREATE TYPE kind AS ENUM ('in a domain');"
                        + "ALTER TABLE outbox ALTER aggregate_id TYPE shorter, ALTER type TYPE kind USING 'in a domain',"
                        + " ALTER id DROP DEFAULT, ALTER id TYPE bigint USING 1, ALTER id SET DEFAULT -7, ALTER payload TYPE json USING '1'");
        outbox.execute("INSERT INTO outbox (aggregate_type, aggregate_id, type, payload)"
                + " VALUES ('order', 'b', 'in a domain', '[ 1]')");
        outbox.execute("BEGIN; ALTER TABLE outbox RENAME TO old; CREATE TABLE outbox (payload text, type text, id uuid,"
                + " headers json, aggregate_id int, aggregate_type \"char\" DEFAULT 'o', seq int);"
                + "ALTER TABLE outbox ALTER aggregate_type TYPE text;"
                + "ALTER PUBLICATION outbox_relay ADD TABLE outbox; COMMIT");
        outbox.execute("INSERT INTO old (aggregate_type, aggregate_id, type) VALUES ('order', 'b', 'in a domain')");
        outbox.execute("INSERT INTO outbox VALUES ('text', 'another table', '0A0B0C0D-0000-0000-0000-0000000000ff',"
                + " NULL, -12)");

        await("all rows").until(() -> handler.count() == 5);
        assertThat(types(handler))
                .containsExactly("first-1", "added and dropped-1", "types changed", "in a domain", "another table");
        List<OutboxEvent> events = handler.events();
        assertThat(events.get(2).id()).isEqualTo("plain");
        assertThat(events.get(2).payload()).containsExactly(0x00, 0xff);
        assertThat(events.get(3).id()).isEqualTo("-7");
        assertThat(events.get(3).aggregateId()).isEqualTo("b");
        assertThat(text(events.get(3).payload())).isEqualTo("[ 1]");
        assertThat(events.get(4).id()).isEqualTo("0a0b0c0d-0000-0000-0000-0000000000ff");
        assertThat(events.get(4).aggregateId()).isEqualTo("-12");
        assertThat(text(events.get(4).payload())).isEqualTo("text");
    }

    @Test
    void rowsFromBeforeTheTableHadHeadersHaveNone() throws Exception {
        OutboxFixture outbox = outbox();
        outbox.execute("ALTER TABLE outbox DROP headers");
        outbox.execute("SELECT pg_create_logical_replication_slot('" + outbox.slot() + "', 'pgoutput')");
        outbox.insert("before", 1);
        outbox.execute("ALTER TABLE outbox ADD headers jsonb NOT NULL DEFAULT '{}'");
        RecordingHandler handler = RecordingHandler.settlingAtOnce();

        start(outbox, KEEP, Map.of(), handler);
        outbox.insert("after", 1);

        await("both rows").until(() -> handler.count() == 2);
        assertThat(handler.events()).extracting(OutboxEvent::headers).containsExactly(null, "{}");
    }

    @Test
    void aColumnThatIsMissingFromNowOnEndsTheRunAndIsNamed() throws Exception {
        OutboxFixture outbox = outbox();
        RecordingHandler handler = RecordingHandler.settlingAtOnce();
        RunningSource run = start(outbox, KEEP, Map.of(), handler);
        outbox.insert("whole", 1);
        outbox.execute("ALTER TABLE outbox RENAME aggregate_id TO about");
        outbox.execute("INSERT INTO outbox (aggregate_type, about, type) VALUES ('order', 'a', 'lacks it')");

        Throwable failure = run.awaitFailure(LIMIT);

        assertThat(failure).hasMessageContaining("no column aggregate_id");
        assertThat(((Coded) failure).code()).isEqualTo(Code.OUTBOX_COLUMN_MISSING);
        assertThat(types(handler)).containsExactly("whole-1");
    }

    @Test
    void aTypeThatCannotBeReadEndsTheRunAndIsNamed() throws Exception {
        OutboxFixture outbox = outbox();
        RecordingHandler handler = RecordingHandler.settlingAtOnce();
        RunningSource run = start(outbox, KEEP, Map.of(), handler);
        outbox.execute("ALTER TABLE outbox ALTER type TYPE numeric USING 1");
        outbox.execute("INSERT INTO outbox (aggregate_type, aggregate_id, type) VALUES ('order', 'a', 1)");

        Throwable failure = run.awaitFailure(LIMIT);

        assertThat(failure).hasMessageContaining("column type of public.outbox is of the type numeric");
        assertThat(((Coded) failure).code()).isEqualTo(Code.OUTBOX_COLUMN_TYPE);
    }

    @Test
    void transactionalMessagesOfThePrefixAreEventsInTheOrderOfTheTransaction() throws Exception {
        OutboxFixture outbox = outbox();
        RecordingHandler handler = RecordingHandler.settlingAtOnce();
        start(outbox, AfterDelivery.DELETE, Map.of("message-prefix", "out.box"), handler);

        outbox.execute("SELECT pg_logical_emit_message(true, 'out.box', '" + envelope("m-1") + "'); "
                + "INSERT INTO outbox (aggregate_type, aggregate_id, type) VALUES ('order', 'a', 'row'); "
                + "SELECT pg_logical_emit_message(true, 'out.box', '" + envelope("m-2") + "')");
        outbox.execute("SELECT pg_logical_emit_message(false, 'out.box', '" + envelope("not transactional") + "'), "
                + "pg_logical_emit_message(true, 'out.box.too', '" + envelope("longer prefix") + "'), "
                + "pg_logical_emit_message(true, 'out', '" + envelope("shorter prefix") + "'), "
                + "pg_logical_emit_message(true, 'out.box', 'no envelope')");
        outbox.execute(
                "BEGIN; SELECT pg_logical_emit_message(true, 'out.box', '" + envelope("rolled back") + "'); ROLLBACK");
        outbox.execute("SELECT pg_logical_emit_message(true, 'out.box', '" + envelope("last") + "')");

        await("the last").until(() -> types(handler).contains("last"));
        assertThat(types(handler)).containsExactly("m-1", "row", "m-2", null, "last");
        OutboxEvent event = handler.events().get(0);
        assertThat(event.id()).isEqualTo("m-1");
        assertThat(event.aggregateId()).isEqualTo("o-1");
        assertThat(text(event.payload())).isEqualTo("{\"n\": 1}");
        assertThat(handler.events().stream().map(OutboxEvent::position)).isSorted();
        await("the row to be removed")
                .until(() -> outbox.query("SELECT count(*) FROM outbox").equals("0"));
    }

    @Test
    void withoutAPrefixMessagesAreNoEventsAndMoveThePosition() throws Exception {
        OutboxFixture outbox = outbox();
        RecordingHandler handler = RecordingHandler.settlingAtOnce();
        start(outbox, AfterDelivery.DELETE, Map.of(), handler);

        outbox.execute("SELECT pg_logical_emit_message(true, 'out.box', '" + envelope("m-1") + "')");
        String written = outbox.query("SELECT pg_current_wal_lsn()");

        await("the slot to pass it").until(() -> "t".equals(slot(outbox, "confirmed_flush_lsn >= '" + written + "'")));
        assertThat(handler.count()).isZero();
    }

    @Test
    void settledMessagesDoNotComeAgain() throws Exception {
        OutboxFixture outbox = outbox();
        Map<String, Object> settings = Map.of("message-prefix", "outbox");
        RecordingHandler first = RecordingHandler.settlingAtOnce();
        RunningSource run = start(outbox, AfterDelivery.DELETE, settings, first);
        outbox.execute("SELECT pg_logical_emit_message(true, 'outbox', '" + envelope("m-1") + "')");
        await("the message").until(() -> first.count() == 1);
        assertThat(run.stop(LIMIT)).isTrue();
        run.awaitReturn(LIMIT);

        RecordingHandler second = RecordingHandler.settlingAtOnce();
        start(outbox, AfterDelivery.DELETE, settings, second);
        outbox.execute("SELECT pg_logical_emit_message(true, 'outbox', '" + envelope("m-2") + "')");

        await("the next").until(() -> second.count() > 0);
        assertThat(types(second)).containsExactly("m-2");
    }

    /** As one that waits for an answer of the broker; the server gives the stream up after 10 s without a word. */
    @Test
    void aHandOverThatTakesLongKeepsTheStreamOpen() throws Exception {
        OutboxFixture outbox = outbox();
        CountDownLatch answer = new CountDownLatch(1);
        RecordingHandler handler = RecordingHandler.settlingAtOnce();
        EventHandler slow = (EventHandler) Proxy.newProxyInstance(
                EventHandler.class.getClassLoader(),
                new Class<?>[] {EventHandler.class},
                (proxy, method, arguments) -> {
                    if (method.getName().equals("deliver")) {
                        answer.await();
                    }
                    return method.invoke(handler, arguments);
                });
        RunningSource run = use(RunningSource.start(Sources.open(outbox, Map.of()), slow));
        await("the source to stream").until(handler::isStreaming);
        outbox.insert("a", 1);
        long began = System.nanoTime();

        await("longer than the server waits")
                .until(() -> System.nanoTime() - began > Duration.ofSeconds(13).toNanos());
        answer.countDown();

        outbox.insert("b", 1);
        await("both rows").until(() -> handler.count() == 2);
        assertThat(run.isRunning()).isTrue();
    }

    /** Else the position would follow its own writes as fast as it can. */
    @Test
    void anIdlePositionIsWrittenNoMoreOftenThanTheServerIsAsked() throws Exception {
        OutboxFixture outbox = outbox();
        RecordingHandler handler = RecordingHandler.settlingAtOnce();
        start(outbox, AfterDelivery.DELETE, Map.of("position-interval", "10ms", "status-interval", "1s"), handler);
        outbox.execute("CREATE TABLE written (at timestamptz);"
                + "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS"
                + " $$ BEGIN INSERT INTO written VALUES (now()); RETURN NEW; END $$;"
                + "CREATE TRIGGER note BEFORE UPDATE ON outbox_relay_checkpoint FOR EACH ROW EXECUTE FUNCTION note()");

        await("the position to be written a few times")
                .until(() -> outbox.query("SELECT count(*) >= 4 FROM written").equals("t"));

        assertThat(outbox.query("SELECT min(pause) > '500ms' FROM (SELECT at - lag(at) OVER (ORDER BY at) AS pause"
                        + " FROM written) w"))
                .isEqualTo("t");
    }

    private static String envelope(String id) {
        return "{\"id\": \"" + id + "\", \"aggregate-type\": \"order\", \"aggregate-id\": \"o-1\", \"type\": \"" + id
                + "\", \"payload\": {\"n\": 1}}";
    }

    private OutboxFixture outbox() throws SQLException {
        return use(OutboxFixture.create(PostgresServer.shared().createDatabase()));
    }

    /** Starts a run and waits until it streams; again, while the server has not seen the run before it leave. */
    private RunningSource start(
            OutboxFixture outbox, AfterDelivery after, Map<String, Object> settings, RecordingHandler handler)
            throws InterruptedException {
        Map<String, Object> quick = new HashMap<>(Map.of("status-interval", "100ms"));
        quick.putAll(settings);
        while (true) {
            RunningSource run =
                    use(RunningSource.start(Sources.factory(outbox, quick).open(outbox.outbox(after)), handler));
            await("the source to stream").until(() -> handler.isStreaming() || !run.isRunning());
            if (run.isRunning()) {
                return run;
            }
            assertThat(run.awaitFailure(LIMIT)).isInstanceOf(SourceBusyException.class);
        }
    }

    private <T extends AutoCloseable> T use(T resource) {
        opened.add(resource);
        return resource;
    }

    private static String slot(OutboxFixture outbox, String column) throws SQLException {
        return outbox.query(
                "SELECT " + column + " FROM pg_replication_slots WHERE slot_name = '" + outbox.slot() + "'");
    }

    private static List<String> types(RecordingHandler handler) {
        return handler.events().stream().map(OutboxEvent::type).toList();
    }

    private static String text(byte[] bytes) {
        return new String(bytes, StandardCharsets.UTF_8);
    }

    private static ConditionFactory await(String reason) {
        return Awaitility.await(reason).atMost(LIMIT).pollInterval(Duration.ofMillis(20));
    }
}
