package io.outboxrelay.testkit;

import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.Properties;

import io.outboxrelay.api.DatabaseAddress;
import org.awaitility.Awaitility;
import org.postgresql.Driver;
import org.postgresql.PGConnection;
import org.postgresql.replication.PGReplicationStream;

/** Somebody else who streams from an outbox's slot, until it is closed. */
public final class SlotReader implements AutoCloseable {

    private static final Duration LIMIT = Duration.ofSeconds(30);

    private final OutboxFixture outbox;
    private final Connection connection;
    private final PGReplicationStream stream;
    private final int pid;

    private SlotReader(OutboxFixture outbox, Connection connection, PGReplicationStream stream) throws SQLException {
        this.outbox = outbox;
        this.connection = connection;
        this.stream = stream;
        this.pid = Integer.parseInt(active());
    }

    /** Opens the stream. The slot is there, and free. */
    public static SlotReader open(OutboxFixture outbox) throws SQLException {
        DatabaseAddress address = outbox.database().address();
        Properties properties = new Properties();
        properties.setProperty("user", address.user());
        properties.setProperty("password", address.password());
        properties.setProperty("replication", "database");
        properties.setProperty("preferQueryMode", "simple");
        properties.setProperty("assumeMinServerVersion", "14");
        Connection connection = new Driver()
                .connect(
                        "jdbc:postgresql://" + address.host() + ":" + address.port() + "/" + address.name(),
                        properties);
        PGReplicationStream stream = connection
                .unwrap(PGConnection.class)
                .getReplicationAPI()
                .replicationStream()
                .logical()
                .withSlotName(outbox.slot())
                .withSlotOption("proto_version", 1)
                .withSlotOption("publication_names", OutboxFixture.PUBLICATION)
                .start();
        return new SlotReader(outbox, connection, stream);
    }

    /** The server's process. */
    public int pid() {
        return pid;
    }

    /** Ends the stream, and waits until the server has seen it. */
    @Override
    public void close() throws SQLException {
        if (!stream.isClosed()) {
            outbox.execute("SELECT pg_terminate_backend(" + pid + ")");
        }
        Awaitility.await("the slot to be free").atMost(LIMIT).until(() -> active() == null);
        connection.close();
    }

    private String active() throws SQLException {
        return outbox.query("SELECT active_pid FROM pg_replication_slots WHERE slot_name = '" + outbox.slot() + "'");
    }
}
