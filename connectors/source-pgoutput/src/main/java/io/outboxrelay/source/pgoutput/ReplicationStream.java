package io.outboxrelay.source.pgoutput;

import java.nio.ByteBuffer;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.concurrent.TimeUnit;

import io.outboxrelay.api.DatabaseAddress;
import io.outboxrelay.postgres.DirectConnection;
import io.outboxrelay.postgres.Lsn;
import io.outboxrelay.schema.Identifier;
import org.postgresql.PGConnection;
import org.postgresql.replication.LogSequenceNumber;
import org.postgresql.replication.PGReplicationStream;

/**
 * The driver's replication stream, and the connection that it lives on: the driver keeps none, so the collector would close
 * it. Used by one thread, but for {@link #abort}.
 */
final class ReplicationStream implements AutoCloseable {

    /** What the session calls itself. */
    static final String APPLICATION = "outbox-relay stream";

    private final Connection connection;
    private PGReplicationStream stream;

    private ReplicationStream(Connection connection) {
        this.connection = connection;
    }

    /** Connects. Nothing streams yet. */
    static ReplicationStream connect(DatabaseAddress address) throws SQLException {
        return new ReplicationStream(DirectConnection.open(address, properties -> {
            // Commands of the replication protocol are understood in simple mode alone.
            properties.setProperty("replication", "database");
            properties.setProperty("preferQueryMode", "simple");
            properties.setProperty("assumeMinServerVersion", "14");
            properties.setProperty("ApplicationName", APPLICATION);
            properties.setProperty("options", DirectConnection.streamOptions(address));
            // The driver passes over a time-out in the middle of a message, and would go on with the rest as if it were
            // the beginning. Without one it waits for the rest. A stream that hangs is for others to notice.
            properties.setProperty("socketTimeout", "0");
        }));
    }

    /**
     * Begins to stream the transactions that end behind a place, whole. The slot may stand before it.
     *
     * @throws SQLException with state {@code 55006} if somebody else streams from the slot
     */
    void start(PgoutputSettings settings, Lsn after) throws SQLException {
        stream = connection
                .unwrap(PGConnection.class)
                .getReplicationAPI()
                .replicationStream()
                .logical()
                .withSlotName(settings.reader().slot())
                .withStartPosition(LogSequenceNumber.valueOf(after.value()))
                .withStatusInterval((int) settings.statusInterval().toMillis(), TimeUnit.MILLISECONDS)
                // Else the driver moves the slot by itself wherever the server says that nothing more is there.
                .withAutomaticFlush(false)
                .withSlotOption("proto_version", 1)
                .withSlotOption(
                        "publication_names",
                        literal(Identifier.quote(settings.reader().publication())))
                .withSlotOption("binary", true)
                .withSlotOption("messages", settings.messagePrefix().isPresent())
                .start();
    }

    /**
     * The next message, or null if none comes within a millisecond. Answers the server meanwhile, and tells it how far the
     * relay is once per {@code status-interval}.
     */
    ByteBuffer next() throws SQLException {
        return stream.readPending();
    }

    /**
     * The place of the last message, or how far the server has read the log if it has said so since: whatever committed
     * before was received. Does not tell that of the transaction that is open.
     */
    long received() {
        return stream.getLastReceiveLSN().asLong();
    }

    /** Moves the slot, to the end of a transaction whose rows, and all before them, are settled, as the checkpoint says. */
    void confirm(Lsn settled) throws SQLException {
        LogSequenceNumber place = LogSequenceNumber.valueOf(settled.value());
        stream.setFlushedLSN(place);
        stream.setAppliedLSN(place);
        stream.forceUpdateStatus();
    }

    /** Tells the server how far the relay is, and asks for an answer. */
    void ask() throws SQLException {
        stream.forceUpdateStatus();
    }

    /** Ends the connection under whoever waits for the server. Any thread may call it. */
    void abort() throws SQLException {
        connection.abort(Runnable::run);
    }

    /** Leaves, without waiting for what the server still has to send. */
    @Override
    public void close() throws SQLException {
        connection.close();
    }

    /** The driver puts it between single quotes as it is. */
    private static String literal(String value) {
        return value.replace("'", "''");
    }
}
