package io.outboxrelay.testkit;

import java.sql.SQLException;
import java.util.List;
import java.util.stream.IntStream;

import io.outboxrelay.api.AfterDelivery;
import io.outboxrelay.api.OutboxSource;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;

/** What every source does with an outbox whose partitions come and go: {@code after-delivery = drop-partition}. */
public abstract class PartitionedOutboxContract extends SourceSuite {

    private static final AfterDelivery DROP =
            new AfterDelivery(AfterDelivery.Action.DROP_PARTITION, "delivered_at", 1_000, 0, 100, 3);

    private OutboxFixture outbox;

    /** For subclasses. */
    protected PartitionedOutboxContract() {}

    /** Opens a source that does that with delivered rows; it may have several lanes. */
    protected abstract OutboxSource open(OutboxFixture fixture, AfterDelivery after);

    @Override
    protected final OutboxSource open(OutboxFixture fixture) {
        return open(fixture, DROP);
    }

    @BeforeEach
    final void create() throws SQLException {
        outbox = use(OutboxFixture.partitioned(PostgresServer.shared().createDatabase()));
    }

    @Test
    void whatIsDeliveredLeavesWithItsPartitionAndTheNextOnesAreThere() throws Exception {
        RecordingHandler handler = RecordingHandler.settlingAtOnce();
        RunningSource run = read(handler);
        outbox.insert("a", 150);
        outbox.insert("b", 100);

        await("the first partition to be dropped").until(() -> !exists("outbox_p1"));
        await("partitions to come").until(() -> exists("outbox_p501"));
        outbox.insert("c", 300);
        awaitEvents(handler, 550);

        assertThat(run.isRunning()).isTrue();
        run.close();
        assertThat(types(handler)).hasSize(550).doesNotHaveDuplicates();
        assertThat(types(handler).stream().filter(type -> type.startsWith("a")))
                .containsExactlyElementsOf(types("a", 150));
        assertThat(breaches(handler)).isEmpty();
        assertThat(outbox.query("SELECT count(*) FROM outbox_relay_partition")).isEqualTo("0");
    }

    /** As a relay leaves it that read the log and was killed. */
    @Test
    void whatIsInADetachedPartitionIsHandedOverBeforeTheRest() throws Exception {
        outbox.insert("a", 250);
        outbox.execute(
                "INSERT INTO outbox_relay_partition VALUES ('public.outbox', 'public.outbox_p1',"
                        + " 'outbox_p1'::regclass, pg_current_wal_insert_lsn()); ALTER TABLE outbox DETACH PARTITION outbox_p1");
        RecordingHandler handler = RecordingHandler.settlingAtOnce();
        RunningSource run = read(handler);

        awaitEvents(handler, 250);
        await("the detached partition to be dropped").until(() -> !exists("outbox_p1"));

        assertThat(run.isRunning()).isTrue();
        run.close();
        assertThat(types(handler)).containsExactlyElementsOf(types("a", 250));
        assertThat(breaches(handler)).isEmpty();
    }

    /** What the source did that it must not; several lanes may call. */
    private static List<String> breaches(RecordingHandler handler) {
        return handler.breaches().stream()
                .filter(breach -> !breach.startsWith("called from "))
                .toList();
    }

    private RunningSource read(RecordingHandler handler) {
        RunningSource run = use(RunningSource.start(open(outbox), handler));
        await("the source to stream").until(() -> handler.isStreaming() || !run.isRunning());
        return run;
    }

    private boolean exists(String table) throws SQLException {
        return outbox.query("SELECT to_regclass('" + table + "')") != null;
    }

    private static List<String> types(String aggregate, int count) {
        return IntStream.rangeClosed(1, count)
                .mapToObj(n -> aggregate + "-" + n)
                .toList();
    }
}
