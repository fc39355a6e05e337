package io.outboxrelay.source.debezium;

import java.time.Instant;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

import io.outboxrelay.api.OutboxEvent;
import io.outboxrelay.schema.OutboxTable;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.SchemaBuilder;
import org.apache.kafka.connect.data.Struct;
import org.apache.kafka.connect.source.SourceRecord;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/**
 * What it costs to make an event of one of the engine's records. In the package of the mapper, which nobody else may see.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(1)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class RowMapperBenchmark {

    private static final String TOPIC_PREFIX = "engine";

    private final RowMapper mapper = new RowMapper(OutboxTable.DEFAULT, TOPIC_PREFIX, Optional.of("seq"));
    private final SourceRecord record = record();
    private final RowPosition position = new RowPosition(1, 2, 3);

    /** As it is called for each record: is it a row, was it inserted, and the event. */
    @Benchmark
    public OutboxEvent event() {
        return mapper.isRow(record) && mapper.isInsert(record) ? mapper.event(record, position) : null;
    }

    /** What the row is found again by, so that it can be deleted. */
    @Benchmark
    public Object key() {
        return mapper.isRow(record) ? mapper.key(record) : null;
    }

    private static SourceRecord record() {
        Schema row = SchemaBuilder.struct()
                .optional()
                .field("seq", Schema.INT64_SCHEMA)
                .field("id", Schema.STRING_SCHEMA)
                .field("aggregate_type", Schema.OPTIONAL_STRING_SCHEMA)
                .field("aggregate_id", Schema.OPTIONAL_STRING_SCHEMA)
                .field("type", Schema.OPTIONAL_STRING_SCHEMA)
                .field("payload", Schema.OPTIONAL_STRING_SCHEMA)
                .field("headers", Schema.OPTIONAL_STRING_SCHEMA)
                .build();
        Schema envelope = SchemaBuilder.struct()
                .field("before", row)
                .field("after", row)
                .field("op", Schema.STRING_SCHEMA)
                .build();
        Struct after = new Struct(row)
                .put("seq", 1L)
                .put("id", "3f0d5ad6-7c1c-4c7e-9a93-2f1d5b0e6a11")
                .put("aggregate_type", "order")
                .put("aggregate_id", "order-4711")
                .put("type", "OrderPlaced")
                .put("payload", "{\"n\": 1, \"filler\": \"" + "x".repeat(150) + "\"}")
                .put("headers", "{}");
        long micros =
                TimeUnit.SECONDS.toMicros(Instant.parse("2026-01-01T00:00:00Z").getEpochSecond());
        return new SourceRecord(
                Map.of("server", TOPIC_PREFIX),
                Map.of("lsn", 2L, "txId", 700L, "ts_usec", micros),
                TOPIC_PREFIX + ".public.outbox",
                envelope,
                new Struct(envelope).put("after", after).put("op", "c"));
    }
}
