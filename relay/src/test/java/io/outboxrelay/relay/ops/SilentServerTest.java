package io.outboxrelay.relay.ops;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.Map;

import io.outboxrelay.api.AfterDelivery;
import io.outboxrelay.api.DatabaseAddress;
import io.outboxrelay.api.DatabaseTimeouts;
import io.outboxrelay.postgres.DirectConnection;
import io.outboxrelay.schema.OutboxTable;
import io.outboxrelay.testkit.PostgresServer;
import io.outboxrelay.testkit.TestDatabase;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

/** A database server that accepts connections and says nothing, as behind a network that was lost. */
@Timeout(30)
class SilentServerTest {

    private static final DatabaseTimeouts SHORT = new DatabaseTimeouts(
            Duration.ofSeconds(1),
            Duration.ofSeconds(1),
            Duration.ofSeconds(1),
            Duration.ofSeconds(1),
            Duration.ofSeconds(1),
            Duration.ofSeconds(1));

    @Test
    void aLoginThatIsNeverAnsweredEnds() throws Exception {
        try (ServerSocket silent = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
                OutboxPool pool = OutboxPool.open(silent(silent), OutboxTable.DEFAULT, AfterDelivery.DELETE)) {
            assertThatThrownBy(pool::probe).isInstanceOf(SQLException.class);
        }
    }

    @Test
    void theWaitForAConnectionOfThePoolEnds() throws Exception {
        try (ServerSocket silent = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
                OutboxPool pool = OutboxPool.open(silent(silent), OutboxTable.DEFAULT, AfterDelivery.DELETE)) {
            assertThatThrownBy(pool.database().dataSource()::getConnection).isInstanceOf(SQLException.class);
        }
    }

    @Test
    void aSessionOutsideThePoolIsGivenUpToo() throws Exception {
        try (ServerSocket silent = new ServerSocket(0, 50, InetAddress.getLoopbackAddress())) {
            DatabaseAddress address = silent(silent);
            assertThatThrownBy(() -> DirectConnection.open(address, properties -> {}))
                    .isInstanceOf(SQLException.class);
        }
    }

    @Test
    void aStatementThatIsNotAnsweredEnds() throws Exception {
        try (TestDatabase database = PostgresServer.shared().createDatabase();
                OutboxPool pool =
                        OutboxPool.open(inHaste(database.address()), OutboxTable.DEFAULT, AfterDelivery.DELETE);
                Connection connection = pool.database().dataSource().getConnection();
                Statement statement = connection.createStatement()) {
            assertThatThrownBy(() -> statement.execute("SELECT pg_sleep(20)"))
                    .isInstanceOf(SQLException.class)
                    .hasRootCauseInstanceOf(IOException.class);
        }
    }

    private static DatabaseAddress silent(ServerSocket server) {
        return new DatabaseAddress("127.0.0.1", server.getLocalPort(), "shop", "relay", "", Map.of(), SHORT);
    }

    private static DatabaseAddress inHaste(DatabaseAddress address) {
        return new DatabaseAddress(
                address.host(),
                address.port(),
                address.name(),
                address.user(),
                address.password(),
                address.properties(),
                SHORT);
    }
}
