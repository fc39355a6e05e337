package io.outboxrelay.relay.ops;

import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;

import io.outboxrelay.api.Message;
import io.outboxrelay.api.OutboxEvent;
import io.outboxrelay.api.RejectedException;
import io.outboxrelay.api.SourceStatus;
import io.outboxrelay.postgres.OutboxFigures;
import io.outboxrelay.relay.delivery.DeliveryListener;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;

class MetricsTest {

    private final Metrics metrics = new Metrics(new Health());

    @Test
    void whatRunsCountIsAddedUp() {
        metrics.runBegan(
                false, () -> new SourceStatus(true, Optional.empty(), 30, 0), () -> 40, () -> 3, () -> "closed");
        metrics.runEnded();
        metrics.runBegan(true, () -> new SourceStatus(true, Optional.empty(), 4, 1), () -> 5, () -> 2, () -> "closed");

        assertThat(metrics.text())
                .contains("\noutbox_relay_events_settled_total 45.0\n")
                .contains("\noutbox_relay_removed_rows_total 34.0\n")
                .contains("\noutbox_relay_missed_rows_total 1.0\n")
                .contains("\noutbox_relay_events_unsettled 2.0\n")
                .contains("outbox_relay_mode{mode=\"log\"} 1.0\n")
                .contains("outbox_relay_mode{mode=\"table\"} 0.0\n");
    }

    @Test
    void whatTheServerKeepsIsShownWhileTheLogIsRead() {
        SourceStatus.RetainedLog kept =
                new SourceStatus.RetainedLog(1 << 20, "extended", Instant.now().minusSeconds(7));
        metrics.runBegan(true, () -> new SourceStatus(true, Optional.of(kept), 0, 0), () -> 0, () -> 0, () -> "open");

        assertThat(metrics.text())
                .contains("\noutbox_relay_slot_retained_bytes 1048576.0\n")
                .contains("outbox_relay_slot_wal_status{status=\"extended\"} 1.0\n")
                .contains("outbox_relay_slot_wal_status{status=\"reserved\"} 0.0\n")
                .containsPattern("\noutbox_relay_slot_idle_seconds 7\\.\\d");
        metrics.runEnded();
        assertThat(metrics.text()).contains("\noutbox_relay_slot_retained_bytes NaN\n");
    }

    @Test
    void whatIsRejectedAndPutAsideIsCounted() {
        metrics.eventRejected(RejectedException.Kind.TOO_LARGE);
        metrics.eventRejected(RejectedException.Kind.TOO_LARGE);
        metrics.runBegan(true, () -> SourceStatus.UNKNOWN, () -> 0, () -> 0, () -> "closed");
        metrics.asideIs(() -> 5, () -> 2);

        assertThat(metrics.text())
                .contains("outbox_relay_rejected_events_total{kind=\"too_large\"} 2.0\n")
                .contains("outbox_relay_rejected_events_total{kind=\"refused\"} 0.0\n")
                .contains("\noutbox_relay_dead_letters 5.0\n")
                .contains("\noutbox_relay_parked_keys 2.0\n");
        metrics.runEnded();
        assertThat(metrics.text()).contains("\noutbox_relay_parked_keys NaN\n");
    }

    @Test
    void whatPassesIsCountedByAggregateTypeAndTopicAndMeasured() {
        DeliveryListener listener = metrics.listener(() -> {});
        OutboxEvent event = event("order", Instant.now().minusSeconds(3));
        listener.read(List.of(event, event, event(null, Instant.now())));
        listener.stored(event, message("events"), 7_000_000);

        assertThat(metrics.text())
                .contains("\noutbox_relay_read_events_total{aggregate_type=\"order\"} 2.0\n")
                .contains("\noutbox_relay_read_bytes_total{aggregate_type=\"order\"} 20.0\n")
                .contains("\noutbox_relay_read_events_total{aggregate_type=\"none\"} 1.0\n")
                .contains("\noutbox_relay_published_events_total{aggregate_type=\"order\",topic=\"events\"} 1.0\n")
                .contains("\noutbox_relay_published_bytes_total{aggregate_type=\"order\",topic=\"events\"} 5.0\n")
                .contains("\noutbox_relay_publish_seconds_bucket{le=\"0.005\"} 0\n")
                .contains("\noutbox_relay_publish_seconds_bucket{le=\"0.01\"} 1\n")
                .contains("\noutbox_relay_end_to_end_seconds_bucket{le=\"2.0\"} 0\n")
                .contains("\noutbox_relay_end_to_end_seconds_count 1\n");
    }

    @Test
    void namesFromRowsAreBounded() {
        DeliveryListener listener = metrics.listener(() -> {});
        for (int i = 0; i < 1_000; i++) {
            OutboxEvent event = event("type" + i, Instant.now());
            listener.read(List.of(event));
            listener.stored(event, message("topic" + i), 1);
        }

        assertThat(metrics.text().lines().filter(line -> line.startsWith("outbox_relay_read_events_total{")))
                .hasSize(101)
                .contains("outbox_relay_read_events_total{aggregate_type=\"other\"} 900.0");
        assertThat(metrics.text().lines().filter(line -> line.startsWith("outbox_relay_published_events_total{")))
                .hasSize(101)
                .contains("outbox_relay_published_events_total{aggregate_type=\"other\",topic=\"other\"} 900.0");
    }

    @Test
    void twoSamplesTellWhatCameBetween() {
        DeliveryListener listener = metrics.listener(() -> {});
        listener.stored(event("order", Instant.now().minusSeconds(50)), message("events"), 1);
        Metrics.Sample before = metrics.sample();
        for (int i = 0; i < 100; i++) {
            listener.stored(event("order", Instant.now().minusMillis(i < 98 ? 250 : 7_000)), message("events"), 1);
        }
        Metrics.Sample after = metrics.sample();

        Latencies between = after.endToEnd().since(before.endToEnd());
        assertThat(after.publishedBytes() - before.publishedBytes()).isEqualTo(500);
        assertThat(between.percentile(0.5)).isBetween(0.2, 5.0);
        assertThat(between.percentile(0.99)).isBetween(6.0, 40.0);
        assertThat(after.endToEnd().since(after.endToEnd()).percentile(0.5)).isNaN();
    }

    @Test
    void whatTheDatabaseTellsIsShown() {
        metrics.figuresAre(() -> new OutboxFigures(
                Instant.now(),
                Optional.of(new OutboxFigures.Slot("s", true, "reserved", 2_000, 1_000)),
                Optional.of(new OutboxFigures.Waiting(17, false, Optional.of(Duration.ofMillis(1_500)))),
                Optional.empty(),
                Optional.empty()));
        metrics.leaderIs(() -> true);

        assertThat(metrics.text())
                .contains("\noutbox_relay_lag_seconds 1.5\n")
                .contains("\noutbox_relay_lag_bytes 1000.0\n")
                .contains("\noutbox_relay_waiting_rows 17.0\n")
                .contains("\noutbox_relay_slot_active 1.0\n")
                .contains("\noutbox_relay_leader 1.0\n");
    }

    @Test
    void rowsWhoseAgeNobodyKnowsAreNotTakenForNone() {
        metrics.figuresAre(() -> waiting(3));
        assertThat(metrics.lagSeconds()).isNaN();

        metrics.figuresAre(() -> waiting(0));
        assertThat(metrics.lagSeconds()).isZero();
    }

    private static OutboxFigures waiting(long rows) {
        return new OutboxFigures(
                Instant.now(),
                Optional.empty(),
                Optional.of(new OutboxFigures.Waiting(rows, false, Optional.empty())),
                Optional.empty(),
                Optional.empty());
    }

    private static OutboxEvent event(String aggregateType, Instant at) {
        return new OutboxEvent("1", aggregateType, "7", "placed", new byte[10], null, at, null);
    }

    private static Message message(String topic) {
        return new Message(topic, "7", new byte[5], Map.of(), Instant.now());
    }
}
