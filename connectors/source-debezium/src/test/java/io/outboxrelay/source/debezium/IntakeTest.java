package io.outboxrelay.source.debezium;

import java.time.Duration;
import java.util.concurrent.CompletableFuture;

import io.outboxrelay.postgres.Lsn;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;

class IntakeTest {

    private static final Duration AT_ONCE = Duration.ofMillis(1);

    private final Intake<String> intake = new Intake<>();

    @Test
    void anIdleIntakeStopsAtOnceWhereTheLastHeartbeatWas() throws Exception {
        heartbeat(100);

        intake.stop();

        assertThat(intake.awaitSettled(AT_ONCE)).contains(new Lsn(100));
        assertThat(intake.begin()).isFalse();
    }

    @Test
    void aStopTakesTheRestOfTheTransactionAndNothingMore() throws Exception {
        assertThat(row(100)).isTrue();
        intake.stop();

        assertThat(row(100)).isTrue();
        assertThat(heartbeat(100)).isTrue();
        assertThat(intake.awaitSettled(AT_ONCE)).isEmpty();
        assertThat(row(200)).isFalse();
        assertThat(heartbeat(300)).isFalse();

        assertThat(intake.awaitSettled(AT_ONCE)).contains(new Lsn(200));
    }

    @Test
    void aHeartbeatThatFollowsATransactionShowsThatItIsComplete() throws Exception {
        row(100);
        intake.stop();

        assertThat(heartbeat(200)).isFalse();

        assertThat(intake.awaitSettled(AT_ONCE)).contains(new Lsn(200));
    }

    @Test
    void theFirstTransactionOfARunHasNothingBeforeIt() throws Exception {
        row(0);
        row(0);
        intake.stop();

        assertThat(row(0)).isTrue();
        assertThat(row(50)).isFalse();

        assertThat(intake.awaitSettled(AT_ONCE)).contains(new Lsn(50));
    }

    @Test
    void aStopWaitsForWhatIsBeingTakenAndForWhatIsNotSettled() throws Exception {
        heartbeat(100);
        assertThat(intake.begin()).isTrue();
        intake.stop();
        assertThat(intake.awaitSettled(AT_ONCE)).isEmpty();

        CompletableFuture<Void> settled = new CompletableFuture<>();
        intake.add("batch", settled);
        intake.end();
        assertThat(intake.awaitSettled(AT_ONCE)).isEmpty();

        settled.complete(null);
        assertThat(intake.awaitSettled(AT_ONCE)).contains(new Lsn(100));
    }

    @Test
    void aCloseEndsTheWait() throws Exception {
        row(100);
        intake.stop();
        intake.close();

        assertThat(intake.awaitSettled(Duration.ofDays(1))).isEmpty();
        assertThat(row(100)).isFalse();
        assertThat(intake.begin()).isFalse();
    }

    private boolean row(long after) {
        boolean admitted = intake.admits(after);
        if (admitted) {
            intake.row(after);
        }
        return admitted;
    }

    private boolean heartbeat(long after) {
        return intake.admits(after);
    }
}
