package io.outboxrelay.source.pgoutput;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.sql.SQLException;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

import io.outboxrelay.api.OutboxEvent;
import io.outboxrelay.postgres.RowKey;
import io.outboxrelay.schema.OutboxTable;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;
import org.openjdk.jmh.infra.Blackhole;

/**
 * What it costs to make an event of the server's messages, which hold a row of the outbox as it ships, with a payload of 200
 * bytes. In the package of the decoder, which nobody else may see.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(1)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class DecoderBenchmark {

    private static final int TABLE = 16386;

    /** Where the driver's buffers begin: behind its own header of a message. */
    private static final int HEADER = 25;

    private final Decoder decoder =
            new Decoder(OutboxTable.DEFAULT, Optional.of("seq"), Optional.empty(), oid -> Optional.empty());
    private final ByteBuffer begin = begin();
    private final ByteBuffer insert = insert();
    private final ByteBuffer commit = commit();

    /** The server describes the table once. */
    @Setup
    public void describe() throws SQLException {
        decoder.read(begin.rewind());
        decoder.read(relation());
    }

    /** A row of a transaction that has many: the event, and what finds the row again. */
    @Benchmark
    public OutboxEvent row(Blackhole hole) throws SQLException {
        decoder.read(insert.rewind());
        hole.consume(decoder.key());
        return decoder.event();
    }

    /** A transaction of one row: its beginning, the row, and its end. */
    @Benchmark
    public RowKey transaction(Blackhole hole) throws SQLException {
        decoder.read(begin.rewind());
        decoder.read(insert.rewind());
        hole.consume(decoder.event());
        decoder.read(commit.rewind());
        hole.consume(decoder.end());
        return decoder.key();
    }

    private static ByteBuffer begin() {
        return message(to ->
                to.put((byte) 'B').putLong(0x1BA6D38).putLong(0x3047F9AEFA742L).putInt(757));
    }

    private static ByteBuffer relation() {
        return message(to -> {
            to.put((byte) 'R').putInt(TABLE);
            text(to, "public");
            text(to, "outbox");
            to.put((byte) 'd').putShort((short) 8);
            column(to, "seq", 20);
            column(to, "id", 2950);
            column(to, "aggregate_type", 25);
            column(to, "aggregate_id", 25);
            column(to, "type", 25);
            column(to, "payload", 3802);
            column(to, "headers", 3802);
            column(to, "created_at", 1184);
        });
    }

    private static ByteBuffer insert() {
        UUID id = UUID.fromString("3f0d5ad6-7c1c-4c7e-9a93-2f1d5b0e6a11");
        String payload = "{\"n\": 1, \"filler\": \"" + "x".repeat(178) + "\"}";
        return message(to -> {
            to.put((byte) 'I').putInt(TABLE).put((byte) 'N').putShort((short) 8);
            to.put((byte) 'b').putInt(8).putLong(4711);
            to.put((byte) 'b').putInt(16).putLong(id.getMostSignificantBits()).putLong(id.getLeastSignificantBits());
            value(to, "order");
            value(to, "order-4711");
            value(to, "OrderPlaced");
            value(to, "\u0001" + payload); // The version of jsonb.
            value(to, "\u0001{}");
            to.put((byte) 'b').putInt(8).putLong(0x2EA470AE86000L);
        });
    }

    private static ByteBuffer commit() {
        return message(to -> to.put((byte) 'C')
                .put((byte) 0)
                .putLong(0x1BA6D38)
                .putLong(0x1BA6D68)
                .putLong(0x3047F9AEFA742L));
    }

    private static void column(ByteBuffer to, String name, int type) {
        to.put((byte) 0);
        text(to, name);
        to.putInt(type).putInt(-1);
    }

    private static void text(ByteBuffer to, String text) {
        to.put(text.getBytes(StandardCharsets.UTF_8)).put((byte) 0);
    }

    private static void value(ByteBuffer to, String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        to.put((byte) 'b').putInt(bytes.length).put(bytes);
    }

    private static ByteBuffer message(Consumer<ByteBuffer> content) {
        ByteBuffer whole = ByteBuffer.allocate(1024).position(HEADER);
        content.accept(whole);
        return whole.flip().position(HEADER).slice();
    }
}
