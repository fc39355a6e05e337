package io.outboxrelay.relay.deadletter;

import java.io.IOException;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CompletableFuture;

import io.outboxrelay.api.Fence;
import io.outboxrelay.api.OutboxEvent;
import io.outboxrelay.api.RejectedException;
import io.outboxrelay.postgres.Lease;
import io.outboxrelay.relay.delivery.AsideEvent;
import io.outboxrelay.relay.delivery.EventKey;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

import static io.outboxrelay.relay.deadletter.DeadLetterDatabase.behind;
import static io.outboxrelay.relay.deadletter.DeadLetterDatabase.event;
import static io.outboxrelay.relay.deadletter.DeadLetterDatabase.rejected;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

class DeadLetterTableTest {

    private static final Duration PATIENCE = Duration.ofSeconds(20);
    private static final Duration LEASE = Duration.ofSeconds(60);

    private DeadLetterDatabase aside;
    private DeadLetterTable table;
    private LetterDesk desk;

    @BeforeEach
    void create() throws Exception {
        aside = new DeadLetterDatabase();
        table = aside.table();
        desk = new LetterDesk(aside.database());
    }

    @AfterEach
    void drop() throws Exception {
        aside.close();
    }

    @Test
    void aRejectedEventIsKeptAsItWas() throws Exception {
        table.put(List.of(rejected("e1", "a", true)));

        DeadLetter letter = desk.find("e1").get(0).letter();
        OutboxEvent event = letter.event();
        OutboxEvent original = event("e1", "a");
        assertThat(desk.payload(letter)).isEqualTo(original.payload());
        assertThat(event.headers()).isEqualTo(original.headers());
        assertThat(event.occurredAt()).isEqualTo(original.occurredAt());
        assertThat(event.position().toString()).isEqualTo("0/1#e1");
        assertThat(event.type()).isEqualTo("placed");
        assertThat(letter.destination()).isEqualTo("events.order");
        assertThat(letter.kind()).isEqualTo("too_large");
        assertThat(letter.reason()).isEqualTo("too large");
        assertThat(letter.attempts()).isEqualTo(1);
        assertThat(letter.parked()).isTrue();
    }

    @Test
    void aRowThatLacksEverythingIsKeptAsItWas() throws Exception {
        OutboxEvent empty = new OutboxEvent(
                null, null, null, null, null, null, event("x", "x").occurredAt(), new DeadLetter.Past("0/7"));
        table.put(List.of(new AsideEvent(empty, "", true, "unfit_row", "the row's id is NULL")));
        assertThat(table.put(List.of(new AsideEvent(empty, "", true, AsideEvent.BEHIND, "waits"))))
                .containsExactly(true);

        DeadLetter letter = desk.find("0/7").get(0).letter();
        assertThat(letter.event().id()).isNull();
        assertThat(desk.payload(letter)).isNull();
        assertThat(table.parked()).containsExactly(new EventKey(null, null));
        assertThat(table.isFree(new EventKey(null, null))).isFalse();
        assertThat(table.isFree(new EventKey("", ""))).isTrue();
    }

    @Test
    void textsOfAnyLengthAndContentArePutAside() throws Exception {
        String random = new Random(7)
                .ints(100_000, 'a', 'z' + 1)
                .collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append)
                .toString();
        AsideEvent large = new AsideEvent(
                event(random, random), "events." + random + "\0\uD800", true, "no_destination", "no\ntopic \0\uDC00");

        table.put(List.of(large, behind("e2", random)));
        table.put(List.of(large));

        assertThat(aside.names()).containsExactly(random, "e2");
        assertThat(desk.find(random).get(0).letter().reason()).isEqualTo("no; topic ??");
        assertThat(desk.redriveKey("order/" + random).wished()).isEqualTo(2);
        assertThat(new WishedLetters(aside.database()).next(new EventKey("order", random)))
                .hasSize(2);
    }

    @Test
    void onlyWhatIsParkedHoldsBackItsAggregate() throws Exception {
        table.put(List.of(rejected("e1", "a", false), rejected("e2", "b", true)));

        assertThat(table.parked()).isEqualTo(Set.of(new EventKey("order", "b")));
    }

    @Test
    void whatComesBehindAParkedEventIsStoredAndWhatWouldBeAloneIsNot() throws Exception {
        List<Boolean> stored = table.put(
                List.of(behind("e0", "free"), rejected("e1", "a", true), behind("e2", "a"), behind("e3", "b")));

        assertThat(stored).containsExactly(false, true, true, false);
        assertThat(aside.names()).containsExactly("e1", "e2");
    }

    @Test
    void aDeadLetterThatHoldsNothingBackIsNothingToWaitBehind() throws Exception {
        assertThat(table.put(List.of(rejected("e1", "a", false), behind("e2", "a"))))
                .containsExactly(true, false);
    }

    @Test
    void whatIsHandedOverAgainAfterACrashIsThereOnceAndInTheOrderOfTheLastTime() throws Exception {
        table.put(List.of(rejected("e5", "a", true), behind("e6", "a"), behind("e7", "a")));

        // e4 was sent before, and not acknowledged when the relay was killed.
        assertThat(aside.table()
                        .put(List.of(behind("e4", "a"), behind("e5", "a"), behind("e6", "a"), behind("e7", "a"))))
                .containsOnly(true);

        assertThat(aside.names()).containsExactly("e4", "e5", "e6", "e7");
        assertThat(desk.find("e5").get(0).letter().kind()).isEqualTo("too_large");
    }

    @Test
    void whatIsHandedOverAgainOneByOneIsInOrderAfterEachStep() throws Exception {
        table.put(List.of(rejected("e5", "a", true), behind("e6", "a"), rejected("b1", "b", true)));

        DeadLetterTable next = aside.table();
        next.put(List.of(behind("e4", "a")));
        assertThat(aside.names()).as("e4 was sent before").containsExactly("e5", "e6", "b1", "e4");
        next.put(List.of(behind("e5", "a")));
        assertThat(aside.names()).containsExactly("b1", "e4", "e5", "e6");
        next.put(List.of(behind("e5", "a")));
        next.put(List.of(behind("e6", "a"), behind("e7", "a")));
        assertThat(aside.names()).containsExactly("b1", "e4", "e5", "e6", "e7");
    }

    @Test
    void whatComesForTheFirstTimeBehindWhatIsHandedOverAgainStaysBehindIt() throws Exception {
        table.put(List.of(rejected("e5", "a", true), behind("e6", "a")));

        List<AsideEvent> again = List.of(behind("e4", "a"), behind("e5", "a"), behind("e6", "a"), behind("e7", "a"));
        DeadLetterTable next = aside.table();
        next.put(again);
        assertThat(aside.names()).containsExactly("e4", "e5", "e6", "e7");
        List<Long> numbers = numbers();
        next.put(again);
        assertThat(numbers()).as("the same run once more").isEqualTo(numbers);
        aside.table().put(again);
        assertThat(numbers()).as("the next run").isEqualTo(numbers);
    }

    @Test
    void whatIsLateAndWasNeverThereBeforeIsKept() throws Exception {
        table.put(List.of(rejected("e5", "a", true), behind("e6", "a")));

        // A transaction whose events have lower numbers, of a writer that does not lock the aggregate, has ended late.
        aside.table().put(List.of(behind("e3", "a"), behind("e5", "a")));
        assertThat(aside.names()).containsExactly("e3", "e5", "e6");
    }

    @Test
    void aLaneThatComesBackStaysInOrder() throws Exception {
        table.put(List.of(rejected("e5", "a", true), behind("e6", "a"), behind("e7", "a")));
        aside.table().put(List.of(behind("e5", "a")));

        table.fence(connection -> true);
        table.put(List.of(behind("e5", "a")));
        assertThat(aside.names()).containsExactly("e5", "e6", "e7");
    }

    @Test
    void theSameEventTwiceInOneTransactionIsThereOnce() throws Exception {
        table.put(List.of(rejected("e1", "a", true), behind("e2", "a"), behind("e2", "a")));

        assertThat(aside.names()).containsExactly("e1", "e2");
    }

    @Test
    void anArrivalInheritsTheWishToRedriveAndNoOther() throws Exception {
        table.put(List.of(rejected("a1", "a", true), rejected("b1", "b", true)));
        desk.redriveKey("order/a");
        desk.discard("b1");

        table.put(List.of(behind("a2", "a"), behind("b2", "b")));

        assertThat(desk.find("a2").get(0).letter().wish()).contains(DeadLetter.Wish.REDRIVE);
        assertThat(desk.find("a2").get(0).letter().wishedBy()).isPresent();
        assertThat(desk.find("b2").get(0).letter().wish()).isEmpty();
    }

    @Test
    void aWishWaitsForAnArrivalThatIsNotCommittedYetAndCoversIt() throws Exception {
        table.put(List.of(rejected("a1", "a", true)));
        DeadLetterTransaction other = new DeadLetterTransaction(aside.database());
        CompletableFuture<Integer> wished = new CompletableFuture<>();
        other.run(connection -> {
            Thread operator = new Thread(() ->
                    unchecked(() -> wished.complete(desk.redriveKey("order/a").wished())));
            operator.start();
            await("the operator to wait").atMost(PATIENCE).until(() -> isSomebodyWaiting() || wished.isDone());
            return insertParked(connection, "a2");
        });

        assertThat(wished.get()).isEqualTo(2);
    }

    @Test
    void aRelayWhoseLeaseHasEndedPutsNothingAside() throws Exception {
        try (Lease lease = Lease.open(aside.server().address(), LEASE)) {
            DeadLetterTable late = new DeadLetterTable(aside.database(), lease.fence());
            late.put(List.of(rejected("e1", "a", true)));
            aside.server().execute("SELECT pg_terminate_backend(" + lease.backend() + ")");
            await("the lease to end").atMost(PATIENCE).until(() -> !holds(lease.fence()));

            // Its successor has read on; moved behind e3 now, e1 would be out of order.
            table.put(List.of(rejected("e1", "a", true), behind("e2", "a"), behind("e3", "a")));
            assertThatThrownBy(() -> late.put(List.of(rejected("e1", "a", true), behind("e2", "a"))))
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining("the right to read public.outbox has ended");
        }
        assertThat(aside.names()).containsExactly("e1", "e2", "e3");
    }

    @Test
    void theRightToReadALaneIsNeededAsWell() throws Exception {
        try (Lease lease = Lease.open(aside.server().address(), LEASE)) {
            table.fence(lease.fence());
            table.put(List.of(rejected("e1", "a", true)));
            lease.revoke();

            assertThatThrownBy(() -> table.put(List.of(behind("e2", "a")))).isInstanceOf(IOException.class);
        }
        assertThat(aside.names()).containsExactly("e1");
    }

    @Test
    void whatIsParkedIsReadOnceWhoeverIsPuttingSomethingAsideHasEnded() throws Exception {
        DeadLetterTransaction other = new DeadLetterTransaction(aside.database());
        CompletableFuture<Set<EventKey>> parked = new CompletableFuture<>();
        other.run(connection -> {
            new Thread(() -> unchecked(() -> parked.complete(table.parked()))).start();
            await("the reader to wait").atMost(PATIENCE).until(() -> isSomebodyWaiting() || parked.isDone());
            return insertParked(connection, "a2");
        });

        assertThat(parked.get()).containsExactly(new EventKey("order", "a"));
    }

    @Test
    void onlyTheFirstOfAParkedAggregateCanBeRedrivenAlone() throws Exception {
        table.put(List.of(rejected("a1", "a", true), behind("a2", "a"), behind("a3", "a")));

        assertThat(desk.redrive("a2").before().orElseThrow().name()).isEqualTo("a1");
        assertThat(desk.find("a2").get(0).letter().wish()).isEmpty();
        assertThat(desk.redrive("a1").wished()).isEqualTo(1);
        assertThat(desk.redrive("a2").wished()).isEqualTo(1);
    }

    @Test
    void ofTwoWishesTheLaterCountsButAllDoesNotBringBackWhatWasGivenUp() throws Exception {
        table.put(List.of(rejected("a1", "a", false), rejected("b1", "b", false)));
        desk.redrive("a1");
        desk.redrive("a1");
        desk.discard("a1");

        assertThat(desk.redriveAll().wished()).isEqualTo(1);
        assertThat(desk.find("a1").get(0).letter().wish()).contains(DeadLetter.Wish.DISCARD);
        assertThat(desk.redrive("a1").wished()).isEqualTo(1);
    }

    @Test
    void aWishAboutNothingIsNotedNowhere() throws Exception {
        assertThat(desk.redrive("x").wished()).isZero();
        assertThat(desk.discard("x").wished()).isZero();
        assertThat(desk.redriveKey("order/x").wished()).isZero();
    }

    @Test
    void anOlderRelayGoesOnWhileANewerMigrationHasAddedColumns() throws Exception {
        aside.server()
                .execute(
                        "ALTER TABLE outbox_dead_letter ADD COLUMN note text, ADD COLUMN priority int NOT NULL DEFAULT 3");

        table.put(List.of(rejected("a1", "a", true), behind("a2", "a")));
        desk.redrive("a1");

        assertThat(new WishedLetters(aside.database()).next(new EventKey("order", "a")))
                .singleElement()
                .satisfies(letter -> assertThat(letter.name()).isEqualTo("a1"));
        assertThat(desk.counts()).isEqualTo(new DeadLetterCounts(2, 1));
    }

    @Test
    void outboxesOfOneSchemaDoNotSeeEachOther() throws Exception {
        table.put(List.of(rejected("a1", "a", true)));
        aside.server().execute("UPDATE outbox_dead_letter SET outbox = 'public.other'");

        assertThat(table.parked()).isEmpty();
        assertThat(table.isFree(new EventKey("order", "a"))).isTrue();
        assertThat(desk.redriveAll().wished()).isZero();
        assertThat(desk.counts()).isEqualTo(DeadLetterCounts.NONE);
    }

    @Test
    void eachParkedAggregateIsFoundHoweverManyThereAre() throws Exception {
        fill(25_000, "'k' || i % 12500");
        aside.server()
                .execute("UPDATE outbox_dead_letter SET aggregate_id = '' WHERE name = 'n1';"
                        + "UPDATE outbox_dead_letter SET aggregate_id = NULL WHERE name = 'n2'");

        assertThat(table.parked())
                .hasSize(12_502)
                .contains(new EventKey("order", ""), new EventKey("order", null), new EventKey("order", "k12499"));
        assertThat(desk.counts()).isEqualTo(new DeadLetterCounts(25_000, 12_502));
    }

    @Test
    void aWishForMoreThanOneTransactionHoldsIsNotedAtAll() throws Exception {
        fill(12_000, "'a'");

        assertThat(desk.redriveAll().wished()).isEqualTo(12_000);
        assertThat(desk.redriveKey("order/a").wished()).isEqualTo(12_000);
        new WishedLetters(aside.database())
                .rejectedAgain(
                        desk.find("n1").get(0).letter(),
                        new RejectedException(RejectedException.Kind.TOO_LARGE, "too large"));
        assertThat(desk.list(20_000))
                .allSatisfy(found -> assertThat(found.letter().wish()).isEmpty());
    }

    @Test
    void aLookForAggregatesGoesOnWhereTheLastOneEnded() throws Exception {
        fill(1_200, "'k' || i");
        desk.redriveAll();
        WishedLetters letters = new WishedLetters(aside.database());

        WishedLetters.WishedKeys first = letters.keys(0);
        WishedLetters.WishedKeys second = letters.keys(first.next());
        WishedLetters.WishedKeys last = letters.keys(second.next());
        assertThat(first.keys()).hasSize(500).doesNotContainAnyElementsOf(second.keys());
        assertThat(last.keys()).hasSize(200).contains(new EventKey("order", "k1200"));
        assertThat(last.next()).isZero();
    }

    @Test
    void ofTwoEventsThatShareAnIdBothAreKept() throws Exception {
        table.put(List.of(rejected("e1", "a", false), rejected("e1", "b", false)));

        assertThat(aside.names()).containsExactly("e1", "e1");
    }

    @Test
    void whoHoldsTheLockSeesWhatCameBeforeWhateverTheDefaultIsolationIs() throws Exception {
        aside.server()
                .execute("DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_isolation ="
                        + " ''repeatable read''', current_database()); END $$");
        DeadLetterTransaction transaction = new DeadLetterTransaction(aside.newSessions());

        assertThat(transaction.<String>run(connection -> {
                    try (var statement = connection.createStatement();
                            var row = statement.executeQuery("SHOW transaction_isolation")) {
                        row.next();
                        return row.getString(1);
                    }
                }))
                .isEqualTo("read committed");
    }

    private void fill(int rows, String aggregateId) throws SQLException {
        aside.server()
                .execute("INSERT INTO outbox_dead_letter (outbox, name, aggregate_type, aggregate_id,"
                        + " occurred_at, position, destination, parked, reason, kind, attempts)"
                        + " SELECT 'public.outbox', 'n' || i, 'order', " + aggregateId
                        + ", now(), '', '', true, '', 'behind', 0 FROM generate_series(1, " + rows + ") AS i");
    }

    @Test
    void aProcessThatIsPausedInTheMiddleOfAChangeDoesNotStopTheOthers() throws Exception {
        try (var paused = aside.server().connect()) {
            paused.setAutoCommit(false);
            try (var statement = paused.createStatement()) {
                statement.execute("SET LOCAL idle_in_transaction_session_timeout = '300ms'");
                statement.execute(
                        "SELECT pg_advisory_xact_lock(hashtextextended('outbox-relay dead letters public.outbox', 0))");
            }

            assertThat(table.put(List.of(rejected("a1", "a", true)))).containsExactly(true);
            assertThatThrownBy(paused::commit).isInstanceOf(SQLException.class);
        }
    }

    private List<Long> numbers() throws SQLException {
        return desk.list(1000).stream().map(found -> found.letter().seq()).toList();
    }

    private boolean holds(Fence fence) throws SQLException {
        try (var connection = aside.server().connect()) {
            return fence.holds(connection);
        }
    }

    private static int insertParked(Connection connection, String name) throws SQLException {
        try (var insert = connection.createStatement()) {
            return insert.executeUpdate("INSERT INTO outbox_dead_letter (outbox, name, aggregate_type, aggregate_id,"
                    + " occurred_at, position, destination, parked, reason, kind, attempts)"
                    + " VALUES ('public.outbox', '" + name
                    + "', 'order', 'a', now(), '', '', true, '', 'behind', 0)");
        }
    }

    private boolean isSomebodyWaiting() throws SQLException {
        try (var connection = aside.server().connect();
                var statement = connection.createStatement();
                var row = statement.executeQuery("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted"
                        + " AND locktype = 'advisory' AND database ="
                        + " (SELECT oid FROM pg_database WHERE datname = current_database()))")) {
            return row.next() && row.getBoolean(1);
        }
    }

    private interface Attempt {
        void make() throws Exception;
    }

    private static void unchecked(Attempt attempt) {
        try {
            attempt.make();
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }
}
