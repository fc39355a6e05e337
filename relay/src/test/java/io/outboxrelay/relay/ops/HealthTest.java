package io.outboxrelay.relay.ops;

import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;

import io.outboxrelay.api.Code;
import io.outboxrelay.relay.ops.Health.Probe;
import io.outboxrelay.relay.ops.Health.Trouble;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;

class HealthTest {

    private final Health health = new Health();

    @Test
    void itIsReadyWhileItReadsOrStandsBy() {
        for (Health.State state : Health.State.values()) {
            assertThat(state.ready())
                    .as(state.name())
                    .isEqualTo(Set.of(Health.State.STREAMING, Health.State.POLLING, Health.State.STANDBY)
                            .contains(state));
        }
    }

    @Test
    void onlyAProcessThatCannotGoOnIsNotLive() {
        for (Health.State state : Health.State.values()) {
            assertThat(state.live()).as(state.name()).isEqualTo(state != Health.State.FAILED);
        }
    }

    @Test
    void aNewReasonForTheSameStateKeepsItsBeginning() {
        health.is(Health.State.WAITING, "the database is down");
        Instant since = health.status().since();

        health.is(Health.State.WAITING, "the broker is down");

        assertThat(health.status())
                .isEqualTo(new Health.Status(Health.State.WAITING, since, Optional.empty(), "the broker is down"));
    }

    @Test
    void aRelayThatSaysItReadsIsNotReadyWhileACheckSaysThatNothingMoves() {
        AtomicReference<Optional<Trouble>> trouble = new AtomicReference<>(Optional.empty());
        health.is(Health.State.STREAMING, "");
        health.look(Probe.READY, "slot", trouble::get);
        Health.Report before = health.report(Probe.READY);

        trouble.set(Optional.of(new Trouble(Code.SLOT_LOST, "the slot is lost")));
        Health.Report during = health.report(Probe.READY);
        trouble.set(Optional.empty());
        Health.Report after = health.report(Probe.READY);

        assertThat(before.ok()).isTrue();
        assertThat(during.ok()).isFalse();
        assertThat(during.status().state()).isEqualTo(Health.State.WAITING);
        assertThat(during.status().code()).contains(Code.SLOT_LOST);
        assertThat(during.status().reason()).isEqualTo("OR-3204 the slot is lost");
        assertThat(during.checks())
                .extracting(Health.Check::name, Health.Check::ok, Health.Check::reason)
                .containsExactly(tuple("relay", true, ""), tuple("slot", false, "OR-3204 the slot is lost"));
        assertThat(health.report(Probe.LIVE).ok()).isTrue();
        assertThat(after.ok()).isTrue();
        assertThat(after.status().state()).isEqualTo(Health.State.STREAMING);
    }

    @Test
    void aCheckKeepsItsBeginningWhileItsReasonChanges() {
        AtomicReference<String> text = new AtomicReference<>("for 10 s");
        health.look(Probe.READY, "source", () -> Optional.of(new Trouble(Code.STREAM_STALLED, text.get())));
        Health.Check first = health.report(Probe.READY).checks().get(1);

        text.set("for 11 s");
        Health.Check second = health.report(Probe.READY).checks().get(1);

        assertThat(second.reason()).endsWith("for 11 s");
        assertThat(second.since()).isEqualTo(first.since());
    }

    @Test
    void whatNeedsAnotherProcessMakesItNotLive() {
        AtomicLong nanos = new AtomicLong();
        Supervision loop = new Supervision("the loop", Duration.ofMinutes(5), nanos::get);
        health.is(Health.State.STREAMING, "");
        health.look(Probe.LIVE, "supervisor", loop::trouble);
        loop.busy();
        nanos.set(Duration.ofMinutes(5).toNanos());
        assertThat(health.report(Probe.LIVE).ok()).isTrue();

        nanos.addAndGet(Duration.ofSeconds(1).toNanos());
        assertThat(health.report(Probe.LIVE).ok()).isFalse();
        assertThat(health.report(Probe.READY).ok()).isTrue();

        loop.waits();
        assertThat(health.report(Probe.LIVE).ok())
                .as("while it waits for as long as it takes")
                .isTrue();
    }
}
