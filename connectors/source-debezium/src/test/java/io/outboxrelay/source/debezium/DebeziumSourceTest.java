package io.outboxrelay.source.debezium;

import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.ServiceLoader;

import io.outboxrelay.api.OutboxSource;
import io.outboxrelay.api.SourceProvider;
import io.outboxrelay.testkit.OutboxFixture;
import io.outboxrelay.testkit.PostgresServer;
import io.outboxrelay.testkit.RecordingHandler;
import io.outboxrelay.testkit.RunningSource;
import org.awaitility.Awaitility;
import org.awaitility.core.ConditionFactory;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;

/** What is Debezium's own; the rest is in the contracts. */
class DebeziumSourceTest {

    private static final Duration LIMIT = Duration.ofSeconds(60);
    private static final Map<String, Object> QUICK = Map.of("heartbeat-interval", "100ms");

    private final List<AutoCloseable> opened = new ArrayList<>();

    @AfterEach
    void closeAll() throws Exception {
        for (int i = opened.size() - 1; i >= 0; i--) {
            opened.get(i).close();
        }
    }

    @Test
    void itIsFoundByItsType() {
        assertThat(ServiceLoader.load(SourceProvider.class).stream()
                        .map(provider -> provider.get().type()))
                .contains("debezium");
    }

    @Test
    void aStreamThatHangsBeforeItIsOpenIsGivenUpWithItsSlot() throws Exception {
        OutboxFixture outbox = outbox();
        try (Connection old = outbox.database().connect()) {
            RunningSource run = startBehind(old, outbox);

            assertThat(run.awaitFailure(LIMIT)).hasMessageContaining("has not moved");

            await("the slot to go with the process that was making it").until(() -> !isSlotThere(outbox));
        }
    }

    @Test
    void aRunThatIsClosedBeforeItStreamsLeavesNoSlotBehind() throws Exception {
        OutboxFixture outbox = outbox();
        try (Connection old = outbox.database().connect()) {
            RunningSource run = startBehind(old, outbox);
            await("the slot to be made anew").until(() -> isSlotThere(outbox));

            run.close();

            run.awaitReturn(LIMIT);
            await("the slot to go with the process that was making it").until(() -> !isSlotThere(outbox));
        }
    }

    /** A run whose slot is gone, and whose engine waits for an old transaction in order to make it anew. */
    private RunningSource startBehind(Connection old, OutboxFixture outbox) throws Exception {
        start(outbox, RecordingHandler.settlingAtOnce(), QUICK).close();
        awaitFreeSlot(outbox);
        OutboxSource late = use(Sources.open(
                outbox,
                Map.of(
                        "heartbeat-interval",
                        "100ms",
                        "progress-timeout",
                        "5s",
                        "properties",
                        Map.of("\"internal.create.slot.command.timeout\"", 3600))));
        late.prepare();
        outbox.execute("SELECT pg_drop_replication_slot('" + outbox.slot() + "')");
        old.setAutoCommit(false);
        try (Statement statement = old.createStatement()) {
            statement.execute("INSERT INTO outbox (aggregate_type, aggregate_id, type) VALUES ('order', 'old', 'old')");
        }
        return use(RunningSource.start(late, RecordingHandler.settlingAtOnce()));
    }

    /** The server needs a moment to see that a reader has left. */
    private static void awaitFreeSlot(OutboxFixture outbox) {
        await("the slot to be free")
                .until(() -> outbox.query("SELECT active_pid IS NULL FROM pg_replication_slots WHERE slot_name = '"
                                + outbox.slot() + "'")
                        .equals("t"));
    }

    private static boolean isSlotThere(OutboxFixture outbox) throws SQLException {
        return outbox.query(
                        "SELECT EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = '" + outbox.slot() + "')")
                .equals("t");
    }

    private OutboxFixture outbox() throws SQLException {
        return use(OutboxFixture.create(PostgresServer.shared().createDatabase()));
    }

    private RunningSource start(OutboxFixture outbox, RecordingHandler handler, Map<String, Object> settings) {
        return start(RunningSource.start(Sources.open(outbox, settings), handler), handler);
    }

    private RunningSource start(RunningSource run, RecordingHandler handler) {
        use(run);
        await("the source to stream").until(() -> handler.isStreaming() || !run.isRunning());
        assertThat(run.isRunning()).isTrue();
        return run;
    }

    private <T extends AutoCloseable> T use(T resource) {
        opened.add(resource);
        return resource;
    }

    private static ConditionFactory await(String reason) {
        return Awaitility.await(reason).atMost(LIMIT).pollInterval(Duration.ofMillis(20));
    }
}
