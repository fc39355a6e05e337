package io.outboxrelay.quickstart;

import java.util.UUID;

import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;

final class LedgerTest {

    private final Ledger ledger = new Ledger();

    @Test
    void whatIsCommittedAndReceivedInOrderIsRight() {
        UUID first = committed(7, 1, 0);
        UUID second = committed(7, 2, 0);
        ledger.received(first, millis(3));
        ledger.received(second, millis(3));

        Summary summary = ledger.summary();
        assertThat(summary.isRight(2)).isTrue();
        assertThat(summary)
                .hasToString("committed=2 delivered=2 lost=0 rolled_back_seen=0 out_of_order=0 p50_ms=3.0 p99_ms=3.0");
    }

    @Test
    void anEventThatDoesNotComeIsLost() {
        committed(7, 1, 0);
        ledger.received(committed(8, 1, 0), 0);

        assertThat(ledger.summary().lost()).isEqualTo(1);
        assertThat(ledger.summary().isRight(2)).isFalse();
    }

    @Test
    void anEventOfARolledBackTransactionIsSeen() {
        UUID event = UUID.randomUUID();
        ledger.wrote(event, 7, 1);
        ledger.received(event, 0);

        assertThat(ledger.summary().rolledBackSeen()).isEqualTo(1);
        assertThat(ledger.summary().isRight(0)).isFalse();
    }

    @Test
    void anEventThatNobodyWroteIsSeen() {
        ledger.received(UUID.randomUUID(), 0);

        assertThat(ledger.summary().rolledBackSeen()).isEqualTo(1);
    }

    @Test
    void anEarlierEventBehindALaterOneIsOutOfOrder() {
        UUID first = committed(7, 1, 0);
        ledger.received(committed(7, 2, 0), 0);
        ledger.received(first, 0);

        assertThat(ledger.summary().outOfOrder()).isEqualTo(1);
        assertThat(ledger.summary().isRight(2)).isFalse();
    }

    @Test
    void anEventThatComesAgainIsADuplicateAndNoFault() {
        UUID first = committed(7, 1, 0);
        UUID second = committed(7, 2, 0);
        ledger.received(first, 0);
        ledger.received(second, 0);
        ledger.received(first, 0);

        assertThat(ledger.summary().isRight(2)).isTrue();
        assertThat(ledger.summary().toString()).endsWith(" duplicates=1");
    }

    @Test
    void anEventMayBeReceivedBeforeItsCommitReturns() {
        UUID event = UUID.randomUUID();
        ledger.wrote(event, 7, 1);
        ledger.received(event, millis(1));
        ledger.committed(event, millis(2));

        assertThat(ledger.summary().isRight(1)).isTrue();
        assertThat(ledger.summary().p50Millis()).isZero();
    }

    private UUID committed(long order, int version, long at) {
        UUID event = UUID.randomUUID();
        ledger.wrote(event, order, version);
        ledger.committed(event, at);
        return event;
    }

    private static long millis(long millis) {
        return millis * 1_000_000;
    }
}
