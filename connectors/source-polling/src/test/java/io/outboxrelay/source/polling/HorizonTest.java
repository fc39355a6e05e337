package io.outboxrelay.source.polling;

import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.Map;

import io.outboxrelay.schema.OutboxTable;
import io.outboxrelay.testkit.OutboxFixture;
import io.outboxrelay.testkit.PostgresServer;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;

class HorizonTest {

    @Test
    void aTransactionThatIsPreparedKeepsTheHorizonBackUntilItIsCommittedAlsoOverARestart() throws Exception {
        try (PostgresServer server = PostgresServer.start(Map.of("max_prepared_transactions", "10"))) {
            OutboxFixture outbox = OutboxFixture.create(server.createDatabase());
            Horizon horizon = new Horizon(OutboxTable.DEFAULT);
            try (Connection writer = outbox.database().connect();
                    Connection reader = outbox.database().connect();
                    Statement statement = writer.createStatement()) {
                writer.setAutoCommit(false);
                statement.execute("INSERT INTO outbox (type) VALUES ('older')");
                outbox.insert("newer", 1);
                look(horizon, reader);

                statement.execute("PREPARE TRANSACTION 'older'");
                look(horizon, reader);
                assertThat(horizon.bound()).isLessThan(1);
            }
            server.restart();
            try (Connection reader = outbox.database().connect()) {
                look(horizon, reader);
                look(horizon, reader);
                assertThat(horizon.bound()).isLessThan(1);

                outbox.execute("COMMIT PREPARED 'older'");
                look(horizon, reader);
                assertThat(horizon.bound()).isEqualTo(2);
            }
        }
    }

    /** It looks every now and then only. */
    private static void look(Horizon horizon, Connection reader) throws SQLException {
        Awaitility.await("the time of the next look")
                .pollDelay(Duration.ofMillis(50))
                .until(() -> true);
        horizon.look(reader, 2);
        horizon.handedOver(2);
    }
}
