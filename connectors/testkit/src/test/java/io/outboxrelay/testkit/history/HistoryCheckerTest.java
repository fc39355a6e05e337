package io.outboxrelay.testkit.history;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;

import io.outboxrelay.testkit.history.Offence.Kind;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

/** A checker is worth what it can refuse. */
final class HistoryCheckerTest {

    private static final Reference REFERENCE =
            new Reference(Map.of("a", events("a1", "a2", "a3", "a4"), "b", events("b1", "b2")), Set.of("r1"));

    @Test
    void aHistoryInCommitOrderIsCorrect() {
        Verdict verdict = check(received("a1", "b1", "a2", "a3", "b2", "a4"));
        assertThat(verdict.isCorrect()).isTrue();
        assertThat(verdict.duplicates()).isZero();
        verdict.requireCorrect();
    }

    @Test
    void contiguousReplaysAreCorrectAndCounted() {
        assertThat(check(received("a1", "a2", "a3", "a2", "a3", "a4", "b1", "b2", "b1", "b2")))
                .matches(Verdict::isCorrect)
                .returns(4, Verdict::duplicates);
    }

    @Test
    void aReplayMayBeCutShortByAnother() {
        assertThat(check(received("a1", "a2", "a3", "a1", "a2", "a1", "a2", "a3", "a4", "b1", "b2")))
                .matches(Verdict::isCorrect);
    }

    @Test
    void aMissingEventIsLost() {
        onlyOffence(received("a1", "a2", "a4", "b1", "b2"), Kind.LOST, "a3");
    }

    @Test
    void aMissingLastEventIsLost() {
        onlyOffence(received("a1", "a2", "a3", "a4", "b1"), Kind.LOST, "b2");
    }

    @Test
    void aLostEventDoesNotBreakTheReplayOfTheOthers() {
        onlyOffence(received("a1", "a3", "a4", "a1", "a3", "a4", "b1", "b2"), Kind.LOST, "a2");
    }

    @Test
    void aKeyOfWhichNothingArrivedIsLost() {
        assertThat(check(received("a1", "a2", "a3", "a4")).of(Kind.LOST))
                .extracting(Offence::eventId)
                .containsExactly("b1", "b2");
    }

    @Test
    void aRolledBackEventIsAPhantom() {
        Offence offence = onlyOffence(received("a1", "a2", "r1", "a3", "a4", "b1", "b2"), Kind.PHANTOM, "r1");
        assertThat(offence.detail()).contains("rolled back");
    }

    @Test
    void anEventThatNobodyWroteIsAPhantom() {
        Offence offence = onlyOffence(received("a1", "a2", "x1", "a3", "a4", "b1", "b2"), Kind.PHANTOM, "x1");
        assertThat(offence.detail()).contains("never written");
    }

    @Test
    void aRecordWithoutAnIdIsAPhantom() {
        List<Received> history = received("a1", "a2", "a3", "a4", "b1", "b2");
        history.add(new Received("t", 0, 99, "a", null, Digest.of("a1")));
        onlyOffence(history, Kind.PHANTOM, null);
    }

    @Test
    void twoSwappedEventsAreOutOfOrder() {
        onlyOffence(received("a1", "a3", "a2", "a4", "b1", "b2"), Kind.OUT_OF_ORDER, "a2");
    }

    @Test
    void anEventThatOnlyAReplayBringsIsOutOfOrder() {
        onlyOffence(received("a1", "a3", "a4", "a1", "a2", "a3", "a4", "b1", "b2"), Kind.OUT_OF_ORDER, "a2");
    }

    @Test
    void eventsOfDifferentKeysHaveNoOrder() {
        assertThat(check(received("b1", "b2", "a1", "a2", "a3", "a4"))).matches(Verdict::isCorrect);
    }

    @Test
    void aReplayThatLeavesOneOutIsBroken() {
        Offence offence =
                onlyOffence(received("a1", "a2", "a3", "a1", "a3", "a4", "b1", "b2"), Kind.BROKEN_REPLAY, "a3");
        assertThat(offence.detail()).contains("1 events left out", "1@0 2@1 3@2 1@3 3@4");
    }

    @Test
    void aReplayThatJumpsBackToTheFrontIsBroken() {
        onlyOffence(received("a1", "a2", "a3", "a1", "a4", "b1", "b2"), Kind.BROKEN_REPLAY, "a4");
    }

    @Test
    void aKeyInTwoPartitionsIsSplit() {
        List<Received> history = received("a1", "a2", "a3", "b1", "b2");
        history.add(new Received("t", 1, 0, "a", "a4", Digest.of("a4")));
        onlyOffence(history, Kind.SPLIT_KEY, null);
    }

    @Test
    void anEventUnderAnotherKeyIsFound() {
        List<Received> history = received("a1", "a2", "a3", "b1", "b2");
        history.add(new Received("t", 0, 99, "b", "a4", Digest.of("a4")));
        onlyOffence(history, Kind.WRONG_KEY, "a4");
    }

    @Test
    void aChangedPayloadIsFoundInADuplicateToo() {
        List<Received> history = received("a1", "a2", "a3", "a4", "b1", "b2");
        history.add(new Received("t", 0, 99, "a", "a4", Digest.of("changed")));
        onlyOffence(history, Kind.CHANGED_PAYLOAD, "a4");
    }

    @Test
    void aRecordReadTwiceFromOnePlaceIsNoDuplicate() {
        List<Received> history = received("a1", "a2", "a3", "a4", "b1", "b2");
        history.addAll(received("a1", "a2"));
        assertThat(check(history)).matches(Verdict::isCorrect).returns(0, Verdict::duplicates);
    }

    @Test
    void twoRecordsReadFromOnePlaceAreAnError() {
        List<Received> history = received("a1", "a2");
        history.addAll(received("a1", "a3"));
        assertThatThrownBy(() -> check(history)).hasMessageContaining("t-0@1");
    }

    @Test
    void anEventTwiceInTheReferenceIsAnError() {
        Reference twice = new Reference(Map.of("a", events("a1", "a1")), Set.of());
        assertThatThrownBy(() -> HistoryChecker.check(twice, List.of())).hasMessageContaining("a1");
    }

    @Test
    void theReportNamesTheFirstOffenders() {
        Verdict verdict = check(received("a1", "a3", "a2", "r1"));
        assertThat(verdict.report()).isEqualTo("""
                        committed=6 received=4 duplicates=0 lost=3 phantom=1 out_of_order=1 broken_replay=0 split_key=0 \
                        wrong_key=0 changed_payload=0
                          lost: key a, event a4: committed as number 4 of 4
                          lost: key b, event b1: committed as number 1 of 2
                          lost: key b, event b2: committed as number 2 of 2
                          phantom: key r, event r1: was rolled back, received at t-0@3
                          out_of_order: key a, event a2: first received at t-0@2, after the later event a3 at t-0@1""");
        assertThatThrownBy(verdict::requireCorrect).hasMessage(verdict.report());
    }

    private static Offence onlyOffence(List<Received> history, Kind kind, String eventId) {
        Verdict verdict = check(history);
        assertThat(verdict.offences()).as(verdict.report()).hasSize(1);
        Offence offence = verdict.offences().get(0);
        assertThat(offence.kind()).isEqualTo(kind);
        assertThat(offence.eventId()).isEqualTo(eventId);
        return offence;
    }

    private static Verdict check(List<Received> history) {
        return HistoryChecker.check(REFERENCE, history);
    }

    private static List<Written> events(String... ids) {
        return Stream.of(ids).map(id -> new Written(id, Digest.of(id))).toList();
    }

    /** One partition; the key is the id's first letter. */
    private static List<Received> received(String... ids) {
        List<Received> records = new ArrayList<>();
        for (String id : ids) {
            records.add(new Received("t", 0, records.size(), id.substring(0, 1), id, Digest.of(id)));
        }
        return records;
    }
}
