package io.outboxrelay.source.polling;

import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.Optional;

import io.outboxrelay.api.OutboxEvent;
import io.outboxrelay.postgres.Cleanup;
import io.outboxrelay.testkit.OutboxFixture;
import io.outboxrelay.testkit.PostgresServer;
import io.outboxrelay.testkit.RecordingHandler;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import static org.assertj.core.api.Assertions.assertThat;

/** What a page holds, read step by step. */
class ShardReaderTest {

    private static final PollingSettings SETTINGS = new PollingSettings(
            1, Duration.ofSeconds(10), Duration.ofMillis(5), Duration.ofSeconds(2), 100, 1 << 20, Optional.empty());

    private final RecordingHandler handler = RecordingHandler.settlingAtOnce();
    private OutboxFixture outbox;
    private Cleanup cleanup;
    private ShardReader reader;

    @BeforeEach
    void create() throws SQLException {
        outbox = OutboxFixture.create(PostgresServer.shared().createDatabase());
        cleanup = Cleanup.ofTableReader(outbox.outbox());
        reader = new ShardReader(outbox.outbox(), SETTINGS, 0, cleanup);
        handler.streaming();
    }

    @AfterEach
    void drop() throws SQLException {
        cleanup.close();
        outbox.close();
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 3, 10})
    void howeverOftenItReadWhileAnOlderRowWasOpenThatOneComesBeforeTheNextOfItsAggregate(int pages) throws Exception {
        for (int round = 0; round < 5; round++) {
            try (Connection writer = outbox.database().connect();
                    Statement statement = writer.createStatement()) {
                writer.setAutoCommit(false);
                statement.execute(insert("x", round + "-older"));
                for (int page = 0; page < pages; page++) {
                    outbox.execute(insert("y", "y"));
                    turn();
                }
                writer.commit();
                statement.execute(insert("x", round + "-newer"));
                writer.commit();
                turn();
            }
        }

        assertThat(handler.events().stream()
                        .map(OutboxEvent::type)
                        .filter(type -> !type.equals("y"))
                        .toList())
                .containsExactly(
                        "0-older", "0-newer", "1-older", "1-newer", "2-older", "2-newer", "3-older", "3-newer",
                        "4-older", "4-newer");
    }

    @Test
    void aRowThatIsInFlightIsNotReadAgain() throws Exception {
        RecordingHandler busy = RecordingHandler.holdingBack();
        busy.streaming();
        outbox.insert("a", 250);

        for (int page = 0; page < 5; page++) {
            reader.read();
            reader.handOver(busy);
        }

        assertThat(busy.count()).isEqualTo(250);
        assertThat(busy.batches()).isEqualTo(3);
        assertThat(reader.inFlight().isEmpty()).isFalse();
        busy.settleAll();
        assertThat(reader.inFlight().awaitEmpty(Duration.ofSeconds(60))).isTrue();
        assertThat(outbox.query("SELECT count(*) FROM outbox")).isEqualTo("0");
    }

    @Test
    void oneEventThatWaitsKeepsNoOtherRowInFlight() throws Exception {
        RecordingHandler busy = RecordingHandler.holdingBack();
        busy.streaming();
        outbox.insert("a", 200);
        for (int page = 0; page < 2; page++) {
            reader.read();
            reader.handOver(busy);
        }

        busy.settle(1);

        Awaitility.await("the settled page to go")
                .atMost(Duration.ofSeconds(60))
                .until(() -> outbox.query("SELECT count(*) FROM outbox").equals("100"));
        Awaitility.await("the reader to forget it")
                .atMost(Duration.ofSeconds(60))
                .until(() -> reader.inFlight().behind(Long.MIN_VALUE).size() == 100);
        busy.settle(0);
        assertThat(reader.inFlight().awaitEmpty(Duration.ofSeconds(60))).isTrue();
    }

    private void turn() throws Exception {
        reader.read();
        reader.handOver(handler);
    }

    private static String insert(String aggregate, String type) {
        return "INSERT INTO outbox (aggregate_type, aggregate_id, type) VALUES ('t', '" + aggregate + "', '" + type
                + "')";
    }
}
