package io.outboxrelay.postgres;

import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;

import io.outboxrelay.api.AfterDelivery;
import io.outboxrelay.api.OutboxDatabase;
import io.outboxrelay.api.OutboxEvent;
import io.outboxrelay.schema.OutboxColumns;
import io.outboxrelay.schema.OutboxTable;
import io.outboxrelay.testkit.OutboxFixture;
import io.outboxrelay.testkit.PostgresServer;
import io.outboxrelay.testkit.RecordingHandler;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

class AuditTest {

    private static final Duration AFTER = Duration.ofMillis(400);
    private static final Duration PATIENCE = Duration.ofSeconds(20);

    private final RecordingHandler handler = RecordingHandler.holdingBack();
    private final AtomicInteger looks = new AtomicInteger();
    private volatile Optional<Lsn> settled = Optional.empty();
    private volatile boolean settledFollowsTheLog;
    private OutboxFixture outbox;
    private Cleanup cleanup;
    private Audit audit;

    @BeforeEach
    void create() throws SQLException {
        outbox = OutboxFixture.create(PostgresServer.shared().createDatabase());
    }

    @AfterEach
    void drop() throws SQLException {
        if (audit != null) {
            audit.close();
            cleanup.close();
        }
        outbox.close();
    }

    @Test
    void aRowThatThePositionHasPassedIsPublishedOnceAndCleanedUp() throws Exception {
        outbox.insert("missed", 1);
        settledFollowsTheLog = true;
        audit = start(outbox.outbox());
        awaitEvents(1);
        awaitLooks(30);
        assertThat(types()).containsExactly("missed-1");
        assertThat(audit.missed()).isEqualTo(1);
        assertThat(rows()).isEqualTo("1");

        handler.settleAll();

        awaitRows("0");
        awaitLooks(30);
        assertThat(types()).containsExactly("missed-1");
    }

    @Test
    void aRowThatThePositionHasPassedIsNotMissedBeforeItsTime() throws Exception {
        outbox.insert("young", 1);
        settledFollowsTheLog = true;
        audit = start(outbox.outbox(), Duration.ofSeconds(20));
        awaitLooks(3);
        assertThat(handler.count()).isZero();
    }

    @Test
    void aRowThatIsInFlightIsNeverMissedHoweverOldItIs() throws Exception {
        settled = Optional.of(endOfLog());
        outbox.insert("in-flight", 3);
        audit = start(outbox.outbox());
        awaitLooks(40);
        assertThat(handler.count()).isZero();
        assertThat(audit.missed()).isZero();
    }

    @Test
    void whileThePositionIsNotKnownNothingIsMissed() throws Exception {
        outbox.insert("unknown", 1);
        audit = start(outbox.outbox());
        awaitLooks(40);
        assertThat(handler.count()).isZero();
    }

    @Test
    void aRowThatIsCleanedUpBeforeThePositionMovesIsNotMissed() throws Exception {
        outbox.insert("a", 3);
        audit = start(outbox.outbox());
        awaitLooks(20);

        outbox.execute("DELETE FROM outbox WHERE type <> 'a-2'");
        settled = Optional.of(endOfLog());

        awaitEvents(1);
        awaitLooks(20);
        assertThat(types()).containsExactly("a-2");
    }

    @Test
    void underLoadNothingThatIsCleanedUpInTimeIsMissed() throws Exception {
        audit = start(outbox.outbox(), Duration.ofMillis(1));
        for (int round = 0; round < 300 || looks.get() <= 50; round++) {
            outbox.insert("r" + round, 20);
            Lsn end = endOfLog();
            outbox.execute("DELETE FROM outbox");
            settled = Optional.of(end);
        }
        awaitLooks(5);
        assertThat(types()).isEmpty();
    }

    @Test
    void aRowOfATransactionThatWasOpenIsMissedOnlyOnceThePositionHasPassedItsCommit() throws Exception {
        try (Connection writer = outbox.database().connect();
                Statement statement = writer.createStatement()) {
            writer.setAutoCommit(false);
            statement.execute("INSERT INTO outbox (type) VALUES ('late')");
            outbox.insert("other", 1);
            settledFollowsTheLog = true;
            audit = start(outbox.outbox());
            awaitEvents(1);
            handler.settleAll();
            awaitRows("0");

            Lsn beforeTheCommit = endOfLog();
            settled = Optional.of(beforeTheCommit);
            settledFollowsTheLog = false;
            awaitLooks(2);
            writer.commit();

            awaitLooks(40);
            assertThat(types()).containsExactly("other-1");
            settledFollowsTheLog = true;
            awaitEvents(2);
            assertThat(types()).containsExactly("other-1", "late");
        }
    }

    @Test
    void aRowThatIsPutBackUnderItsNumberIsAnotherRow() throws Exception {
        outbox.insert("a", 1);
        audit = start(outbox.outbox());
        awaitLooks(20);
        Lsn beforeItIsPutBack = endOfLog();
        outbox.execute("CREATE TEMP TABLE kept AS SELECT * FROM outbox; DELETE FROM outbox;"
                + " INSERT INTO outbox SELECT * FROM kept");

        settled = Optional.of(beforeItIsPutBack);

        awaitLooks(40);
        assertThat(handler.count()).isZero();
    }

    @Test
    void missedRowsComeInTheOrderOfTheTableHoweverManyAndInWhatOrderTheyCommitted() throws Exception {
        try (Connection writer = outbox.database().connect();
                Statement statement = writer.createStatement()) {
            writer.setAutoCommit(false);
            statement.execute("INSERT INTO outbox (type) VALUES ('first')");
            outbox.insert("a", 2_500);
            writer.commit();
        }
        settledFollowsTheLog = true;
        audit = start(outbox.outbox());
        awaitEvents(2_501);
        assertThat(types().get(0)).isEqualTo("first");
        assertThat(handler.events()).extracting(OutboxEvent::position).isSorted();
        assertThat(types()).doesNotHaveDuplicates();
        assertThat(audit.missed()).isEqualTo(2_501);
        handler.settleAll();
        awaitRows("0");
    }

    @Test
    void whatOneLookDoesNotSeeFollowsWithoutWaitingForItsOwnTime() throws Exception {
        outbox.insert("a", 12_000);
        settled = Optional.of(new Lsn(endOfLog().value() + (1 << 26)));
        Duration after = Duration.ofSeconds(10);
        audit = start(outbox.outbox(), after);
        awaitEvents(1);
        long began = System.nanoTime();
        handler.settleAll();

        awaitEvents(12_000);

        assertThat(Duration.ofNanos(System.nanoTime() - began)).isLessThan(after);
        assertThat(types()).doesNotHaveDuplicates();
        assertThat(handler.events()).extracting(OutboxEvent::position).isSorted();
    }

    @Test
    void aMissedRowAmongOthersThatAreInFlightIsFound() throws Exception {
        outbox.insert("missed", 1);
        outbox.insert("before", 1);
        Lsn position = endOfLog();
        outbox.insert("behind", 50);
        outbox.execute("DELETE FROM outbox WHERE type = 'before-1'");
        settled = Optional.of(position);
        audit = start(outbox.outbox());
        // The look cannot tell from when the row is; the position has to pass the look.
        awaitLooks(20);
        assertThat(handler.count()).isZero();

        Lsn further = endOfLog();
        outbox.insert("in-flight", 50);
        outbox.execute("DELETE FROM outbox WHERE type LIKE 'behind-%'");
        settled = Optional.of(further);

        awaitEvents(1);
        awaitLooks(20);
        assertThat(types()).containsExactly("missed-1");
    }

    @Test
    void whatIsMarkedIsSentAndWhatIsSetToUnsentAgainIsMissed() throws Exception {
        outbox.execute("ALTER TABLE outbox ADD delivered_at timestamptz");
        outbox.insert("a", 3);
        outbox.execute("UPDATE outbox SET delivered_at = now()");
        settled = Optional.of(endOfLog());
        audit = start(outbox.outbox(AfterDelivery.of(AfterDelivery.Action.MARK)));
        awaitLooks(20);
        assertThat(handler.count()).isZero();

        outbox.execute("UPDATE outbox SET delivered_at = NULL WHERE type = 'a-2'");
        settled = Optional.of(endOfLog());
        settled = Optional.of(new Lsn(settled.get().value() + (1 << 20)));

        awaitEvents(1);
        assertThat(types()).containsExactly("a-2");
        handler.settleAll();
        await("the row to be marked")
                .atMost(PATIENCE)
                .until(() -> outbox.query("SELECT count(*) FROM outbox WHERE delivered_at IS NULL")
                        .equals("0"));
    }

    @Test
    void aTableThatCannotBeReadForAWhileIsReadAgain() throws Exception {
        outbox.insert("a", 1);
        settled = Optional.of(endOfLog());
        outbox.execute("ALTER TABLE outbox RENAME TO away");
        audit = start(outbox.outbox());
        awaitLooks(5);
        outbox.execute("ALTER TABLE away RENAME TO outbox");
        settled = Optional.of(new Lsn(endOfLog().value() + (1 << 20)));
        awaitEvents(1);
    }

    @Test
    void nothingIsReadWhileThereIsNoRoom() throws Exception {
        outbox.insert("a", 2_500);
        settledFollowsTheLog = true;
        RecordingHandler full = RecordingHandler.holdingBack(1);
        audit = start(outbox.outbox(), AFTER, full);
        await("the first page").atMost(PATIENCE).until(() -> full.count() == 1_000);
        awaitNothingMore(full);
        full.settleAll();
        await("the other pages").atMost(PATIENCE).until(() -> full.count() == 2_500);
        assertThat(full.breaches()).noneMatch(breach -> breach.contains("room") || breach.contains("empty"));
    }

    @Test
    void stoppedItWaitsForWhatItHandedOverAndTakesNothingMore() throws Exception {
        outbox.insert("a", 1);
        settledFollowsTheLog = true;
        audit = start(outbox.outbox());
        awaitEvents(1);
        assertThat(audit.stop(Duration.ofMillis(50))).isFalse();
        outbox.insert("b", 1);

        handler.settleAll();

        assertThat(audit.stop(PATIENCE)).isTrue();
        assertThat(types()).containsExactly("a-1");
        assertThat(rows()).isEqualTo("1");
    }

    @Test
    void aTableThatDoesNotTellWhatIsUnsentCannotBeAudited() throws Exception {
        assertThat(Audit.isPossible(outbox.outbox())).isTrue();
        assertThat(Audit.isPossible(outbox.outbox(AfterDelivery.of(AfterDelivery.Action.MARK))))
                .isTrue();
        assertThat(Audit.isPossible(outbox.outbox(AfterDelivery.of(AfterDelivery.Action.KEEP))))
                .isFalse();
        assertThat(Audit.isPossible(outbox.outbox(AfterDelivery.of(AfterDelivery.Action.DROP_PARTITION))))
                .isFalse();
        OutboxTable withoutSeq = new OutboxTable("public", "outbox", OutboxColumns.DEBEZIUM);
        OutboxDatabase database = outbox.outbox();
        assertThat(Audit.isPossible(new OutboxDatabase(
                        database.address(), withoutSeq, AfterDelivery.DELETE, database.dataSource())))
                .isFalse();
    }

    private Audit start(OutboxDatabase database) {
        return start(database, AFTER);
    }

    private Audit start(OutboxDatabase database, Duration after) {
        return start(database, after, handler);
    }

    private Audit start(OutboxDatabase database, Duration after, RecordingHandler handler) {
        cleanup = Cleanup.ofLogReader(database);
        Audit started = new Audit(database, cleanup, this::position, after);
        started.start(handler);
        return started;
    }

    /** The audit asks for the position before every look. */
    private Optional<Lsn> position() {
        looks.incrementAndGet();
        return settledFollowsTheLog ? Optional.of(endOfLog()) : settled;
    }

    private void awaitLooks(int more) {
        int before = looks.get();
        await("the audit to look " + more + " more times").atMost(PATIENCE).until(() -> looks.get() >= before + more);
    }

    private void awaitEvents(int count) {
        await("the audit to publish " + count + " rows").atMost(PATIENCE).until(() -> handler.count() >= count);
    }

    private void awaitNothingMore(RecordingHandler full) {
        long before = full.count();
        await("a while in which nothing more may come")
                .during(Duration.ofMillis(500))
                .atMost(Duration.ofSeconds(5))
                .until(() -> full.count() == before);
    }

    private void awaitRows(String count) {
        await("the table to hold " + count + " rows").atMost(PATIENCE).until(() -> rows().equals(count));
    }

    private List<String> types() {
        return handler.events().stream().map(OutboxEvent::type).toList();
    }

    private String rows() throws SQLException {
        return outbox.query("SELECT count(*) FROM outbox");
    }

    /** What a look notes of a row may lie behind this: the server writes to its log by itself. */
    private Lsn endOfLog() {
        try {
            return Lsn.parse(outbox.query("SELECT pg_current_wal_insert_lsn()"));
        } catch (SQLException e) {
            throw new IllegalStateException(e);
        }
    }
}
