package io.outboxrelay.source.pgoutput;

import java.nio.ByteBuffer;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.SQLWarning;
import java.util.concurrent.TimeUnit;

import io.outboxrelay.api.DatabaseAddress;
import io.outboxrelay.postgres.DirectConnection;
import io.outboxrelay.postgres.Lsn;
import io.outboxrelay.schema.Identifier;
import org.postgresql.PGConnection;
import org.postgresql.replication.LogSequenceNumber;
import org.postgresql.replication.PGReplicationStream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The driver's replication stream, and the connection that it lives on: the driver keeps none, so the collector would close
 * it. Used by one thread, but for {@link #abort}.
 */
final class ReplicationStream implements AutoCloseable {

    private static final Logger log = LoggerFactory.getLogger(ReplicationStream.class);

    /** What the session calls itself. */
    static final String APPLICATION = "outbox-relay stream";

    /**
     * Of the warning, since Postgres 18, that rows are not sent because the publication did not exist when they were written.
     * Older servers end the stream with an error instead.
     *
     * @see <a href="https://www.postgresql.org/docs/current/errcodes-appendix.html">object_not_in_prerequisite_state</a>;
     *     {@code LoadPublications} in Postgres' {@code pgoutput.c}
     */
    private static final String NOT_THERE = "55000";

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
            // Without its warnings the server would pass rows over in silence.
            properties.setProperty(
                    "options", DirectConnection.streamOptions(address) + " -c client_min_messages=warning");
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

    /**
     * Whether the server has said, since it was asked last, that it passes over rows because the publication did not exist at
     * their place in the log. Known no later than the next message. Asks the driver alone, not the server.
     */
    boolean hasPassedOver(String publication) throws SQLException {
        SQLWarning warning = connection.getWarnings();
        if (warning == null) {
            return false;
        }
        connection.clearWarnings();
        for (; warning != null; warning = warning.getNextWarning()) {
            log.debug("The server says: {} ({})", warning.getMessage(), warning.getSQLState());
            if (NOT_THERE.equals(warning.getSQLState()) && warning.getMessage().contains(publication)) {
                return true;
            }
        }
        return false;
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
