package io.outboxrelay.relay.chaos;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

import io.outboxrelay.testkit.workload.Workload;
import io.outboxrelay.testkit.workload.WorkloadPlan;
import org.junit.jupiter.api.Test;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import static org.assertj.core.api.Assertions.assertThat;

/**
 * Faults that last: readiness shows each of them within 15 s, and its end. In every build a few; with {@code -Pchaos} all
 * that stop the events.
 */
class ReadinessIT {

    private static final Logger log = LoggerFactory.getLogger(ReadinessIT.class);

    private static final Path DISTRIBUTION =
            Path.of(System.getProperty("outbox-relay.distribution", "target/outbox-relay"));
    private static final Path DIRECTORY = Path.of("target", "readiness");
    private static final boolean ALL = Double.parseDouble(System.getProperty("chaos.minutes", "0")) > 0;

    private static final long SEED = 7;
    private static final Duration LENGTH = Duration.ofSeconds(20);

    /** In every build, on a machine that is busy with more than this, it is enough that it is seen at all. */
    private static final Duration SEEN_WITHIN = ALL ? Duration.ofSeconds(15) : LENGTH;

    private static final List<FaultKind> SHORT = List.of(FaultKind.KAFKA_REFUSED, FaultKind.POSTGRES_HELD);

    /** Events go on flowing, or the relay that reads is not hit, or it is over before anybody could ask. */
    private static final Set<FaultKind> UNSEEN = EnumSet.of(
            FaultKind.POSTGRES_CUT,
            FaultKind.POSTGRES_SLOW,
            FaultKind.POSTGRES_BYTE_BY_BYTE,
            FaultKind.KAFKA_CUT,
            FaultKind.KAFKA_SLOW,
            FaultKind.KAFKA_BYTE_BY_BYTE,
            FaultKind.STANDBY_KILLED,
            FaultKind.STANDBY_PAUSED,
            FaultKind.WALSENDER_TERMINATED,
            FaultKind.SESSIONS_TERMINATED,
            FaultKind.SLOT_DROPPED,
            FaultKind.KAFKA_DISK_FULL);

    @Test
    void aFaultThatLastsIsSeenByTheProbeAndSoIsItsEnd() throws Exception {
        Files.createDirectories(DIRECTORY);
        List<FaultKind> kinds = ALL
                ? Arrays.stream(FaultKind.values())
                        .filter(kind -> !UNSEEN.contains(kind))
                        .toList()
                : SHORT;
        WorkloadPlan writers = WorkloadPlan.seeded(SEED).withAggregates(50).withEventsPerSecond(100);
        try (Scene scene = new Scene(DISTRIBUTION, DIRECTORY, false);
                Workload workload = scene.startWorkload(writers);
                Arrivals arrivals = scene.followTopic();
                Campaign campaign = new Campaign(scene, workload, arrivals)) {
            for (FaultKind kind : kinds) {
                campaign.endure(new Fault(campaign.outcomes().size() + 1, kind, LENGTH));
                Outcome outcome = campaign.outcomes().get(campaign.outcomes().size() - 1);
                Optional<Duration> seen = outcome.unready();
                log.info("{}: not ready after {}, whole again after {}", kind.text(), seen, outcome.whole());
                assertThat(seen.orElse(Duration.ofDays(1)))
                        .as("until the probe told of it: %s", kind.text())
                        .isLessThanOrEqualTo(SEEN_WITHIN);
                assertThat(scene.isWhole())
                        .as("ready again after %s", kind.text())
                        .isTrue();
            }
            workload.stop();
        }
    }
}
