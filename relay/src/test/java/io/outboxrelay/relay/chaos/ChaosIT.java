package io.outboxrelay.relay.chaos;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;

import io.outboxrelay.testkit.history.HistoryChecker;
import io.outboxrelay.testkit.history.Received;
import io.outboxrelay.testkit.history.Reference;
import io.outboxrelay.testkit.workload.Workload;
import io.outboxrelay.testkit.workload.WorkloadPlan;
import org.junit.jupiter.api.Test;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import static org.assertj.core.api.Assertions.assertThat;

/**
 * Two relays, and everything around them breaks. In every build a few faults, always the same; with {@code -Pchaos} as
 * many as fit into {@code -Dchaos.minutes}, as {@code -Dchaos.seed} draws them. The report is in {@code target/chaos}.
 */
class ChaosIT {

    private static final Logger log = LoggerFactory.getLogger(ChaosIT.class);

    private static final Path DISTRIBUTION =
            Path.of(System.getProperty("outbox-relay.distribution", "target/outbox-relay"));
    private static final Path DIRECTORY = Path.of("target", "chaos");

    private static final long SEED = Long.getLong("chaos.seed", 20_260_101L);
    private static final Duration LENGTH =
            Duration.ofSeconds(Math.round(60 * Double.parseDouble(System.getProperty("chaos.minutes", "0"))));

    /** 200 in half an hour: fewer would prove little, however well they went. */
    private static final long FEWEST_FAULTS =
            LENGTH.toSeconds() * 200 / Duration.ofMinutes(30).toSeconds();

    private static final int EVENTS_PER_SECOND = 300;
    private static final int AGGREGATES = 200;
    private static final Duration LONGEST_TRANSACTION = Duration.ofSeconds(4);
    private static final Duration DELIVERY_LIMIT = Duration.ofMinutes(2);

    /** For every build: what hurts most, in little time. */
    private static final FaultKind[] SHORT = {
        FaultKind.KAFKA_CUT,
        FaultKind.POSTGRES_HALF_OPEN,
        FaultKind.LEADER_KILLED,
        FaultKind.KAFKA_KILLED,
        FaultKind.POSTGRES_MUTE,
        FaultKind.LEADER_PAUSED,
        FaultKind.POSTGRES_KILLED,
        FaultKind.KAFKA_HALF_OPEN,
        FaultKind.SLOT_DROPPED,
    };

    @Test
    void whateverBreaksNothingIsLostAndNothingIsOutOfOrder() throws Exception {
        Files.createDirectories(DIRECTORY);
        WorkloadPlan writers = WorkloadPlan.seeded(SEED)
                .withAggregates(AGGREGATES)
                .withEventsPerSecond(EVENTS_PER_SECOND)
                .withLongTransactions(LONGEST_TRANSACTION);
        log.info("Chaos with seed {}", SEED);
        try (Scene scene = new Scene(DISTRIBUTION, DIRECTORY, !LENGTH.isZero());
                Workload workload = scene.startWorkload(writers);
                PoisonWriter poison = scene.startPoison(SEED);
                Arrivals arrivals = scene.followTopic();
                Campaign campaign = new Campaign(scene, workload, arrivals)) {
            AssertionError standstill = null;
            try {
                run(campaign);
            } catch (AssertionError e) {
                standstill = e;
            }
            Findings findings = judge(scene, workload, poison, arrivals, campaign);
            publish(findings);
            if (standstill != null) {
                throw new AssertionError(
                        "seed " + SEED + ": " + standstill.getMessage() + "\n" + findings.verdict(), standstill);
            }
            assertThat(findings.broken())
                    .as("seed %d, logs and report in %s: %s", SEED, DIRECTORY.toAbsolutePath(), findings.verdict())
                    .isEmpty();
            assertThat(findings.outcomes())
                    .as(
                            "faults within %d s, %d more were skipped",
                            LENGTH.toSeconds(), findings.skipped().size())
                    .hasSizeGreaterThanOrEqualTo(Math.toIntExact(FEWEST_FAULTS));
        }
    }

    private static void run(Campaign campaign) throws Exception {
        if (LENGTH.isZero()) {
            for (Fault fault : FaultPlan.of(SEED, SHORT)) {
                campaign.endure(fault);
            }
            return;
        }
        FaultPlan plan = new FaultPlan(SEED);
        while (campaign.elapsed().compareTo(LENGTH) < 0) {
            campaign.endure(plan.next());
        }
    }

    private static Findings judge(
            Scene scene, Workload workload, PoisonWriter poison, Arrivals arrivals, Campaign campaign)
            throws Exception {
        Duration stall = arrivals.longestStall();
        poison.close();
        workload.stop();
        Reference reference = workload.reference();
        awaitAllSentOrPutAside(scene, reference);
        int putAside = scene.putAside();
        scene.redrive();
        List<Received> received = scene.received();
        return new Findings(
                SEED,
                campaign.elapsed(),
                campaign.outcomes(),
                campaign.skipped(),
                campaign.samples(),
                HistoryChecker.check(reference, received),
                putAside,
                stall);
    }

    private static void awaitAllSentOrPutAside(Scene scene, Reference reference) throws Exception {
        long deadline = System.nanoTime() + DELIVERY_LIMIT.toNanos();
        while (missing(reference, scene.received()).size() > scene.putAside() && System.nanoTime() < deadline) {
            Moments.pass(Duration.ofMillis(500));
        }
    }

    private static Set<String> missing(Reference reference, List<Received> received) {
        Set<String> missing = reference.committed().values().stream()
                .flatMap(List::stream)
                .map(written -> written.eventId())
                .collect(Collectors.toCollection(HashSet::new));
        received.forEach(record -> missing.remove(record.eventId()));
        return missing;
    }

    private static void publish(Findings findings) throws Exception {
        Path page = DIRECTORY.resolve("report.html");
        Files.writeString(page, new ReportPage(findings).html());
        Files.writeString(DIRECTORY.resolve("report.md"), findings.markdown());
        log.info("Report: {}\n{}\n{}", page.toAbsolutePath(), findings.markdown(), findings.verdict());
    }
}
