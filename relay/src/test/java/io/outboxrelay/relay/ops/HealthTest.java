package io.outboxrelay.relay.ops;

import java.time.Instant;

import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;

class HealthTest {

    private final Health health = new Health();

    @Test
    void itIsReadyWhileItStreamsOrStandsBy() {
        for (Health.State state : Health.State.values()) {
            assertThat(state.ready())
                    .as(state.name())
                    .isEqualTo(state == Health.State.STREAMING || state == Health.State.STANDBY);
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

        assertThat(health.status()).isEqualTo(new Health.Status(Health.State.WAITING, since, "the broker is down"));
    }
}
