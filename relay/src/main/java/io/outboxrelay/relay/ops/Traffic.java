package io.outboxrelay.relay.ops;

import java.util.List;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.concurrent.atomic.LongAdder;

import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.binder.BaseUnits;
import io.outboxrelay.api.Message;
import io.outboxrelay.api.OutboxEvent;

/**
 * Counts what passes, by aggregate type and topic, and how long it takes. Both come from rows, so only the first
 * {@value #MOST_LABELS} combinations are told by name, and the rest together. An event costs two look-ups and a few
 * increments, and nothing is allocated for it.
 */
final class Traffic {

    static final int MOST_LABELS = 100;

    /** What stands for every name beyond the first ones, and for one that is absurdly long. */
    static final String OTHER = "other";

    private static final int LONGEST_LABEL = 200;

    /** What is counted under one combination of names. */
    private static final class Flow {

        final LongAdder events = new LongAdder();
        final LongAdder bytes = new LongAdder();
        final ConcurrentMap<String, Flow> byTopic = new ConcurrentHashMap<>();

        void count(long payloadBytes) {
            events.increment();
            bytes.add(payloadBytes);
        }
    }

    private final MeterRegistry registry;
    private final Latency publishing;
    private final Latency endToEnd;
    private final LongAdder bytes = new LongAdder();
    private final ConcurrentMap<String, Flow> read = new ConcurrentHashMap<>();
    private final ConcurrentMap<String, Flow> published = new ConcurrentHashMap<>();

    /** Guarded by this: names are added one at a time. */
    private int pairs;

    private volatile long lastCommit;

    Traffic(MeterRegistry registry, Latency publishing, Latency endToEnd) {
        this.registry = registry;
        this.publishing = publishing;
        this.endToEnd = endToEnd;
    }

    void read(List<OutboxEvent> events) {
        String last = null;
        Flow flow = null;
        for (OutboxEvent event : events) {
            String type = label(event.aggregateType());
            if (!type.equals(last)) {
                last = type;
                flow = readFlow(type);
            }
            flow.count(length(event.payload()));
        }
    }

    void stored(OutboxEvent event, Message message, long nanos) {
        long size = length(message.payload());
        publishedFlow(label(event.aggregateType()), label(message.destination()))
                .count(size);
        bytes.add(size);
        publishing.note(nanos / 1_000);
        long commit = event.occurredAt().toEpochMilli();
        lastCommit = commit;
        endToEnd.note((System.currentTimeMillis() - commit) * 1_000);
    }

    /** Payload bytes that the broker has stored. */
    long publishedBytes() {
        return bytes.sum();
    }

    /** When the event was committed that was stored last, in milliseconds of the epoch; 0 for none. */
    long lastCommit() {
        return lastCommit;
    }

    private Flow readFlow(String type) {
        Flow flow = read.get(type);
        return flow == null ? addRead(type) : flow;
    }

    private synchronized Flow addRead(String type) {
        String name = read.size() < MOST_LABELS ? type : OTHER;
        return read.computeIfAbsent(
                name,
                added -> register(new Flow(), "read", "handed over by the source", Tags.of("aggregate_type", added)));
    }

    private Flow publishedFlow(String type, String topic) {
        Flow ofType = published.get(type);
        Flow flow = ofType == null ? null : ofType.byTopic.get(topic);
        return flow == null ? addPublished(type, topic) : flow;
    }

    private synchronized Flow addPublished(String type, String topic) {
        boolean isOther = pairs >= MOST_LABELS;
        Flow ofType = published.computeIfAbsent(isOther ? OTHER : type, added -> new Flow());
        return ofType.byTopic.computeIfAbsent(isOther ? OTHER : topic, added -> {
            pairs++;
            Tags tags = Tags.of("aggregate_type", isOther ? OTHER : type, "topic", added);
            return register(new Flow(), "published", "stored by the broker", tags);
        });
    }

    private Flow register(Flow flow, String name, String what, Tags tags) {
        FunctionCounter.builder(Metrics.PREFIX + name + ".events", flow.events, LongAdder::sum)
                .description("Events " + what)
                .tags(tags)
                .register(registry);
        FunctionCounter.builder(Metrics.PREFIX + name, flow.bytes, LongAdder::sum)
                .description("Payload of events " + what)
                .baseUnit(BaseUnits.BYTES)
                .tags(tags)
                .register(registry);
        return flow;
    }

    /** A row that lacks its type is counted too. */
    private static String label(String text) {
        if (text == null) {
            return "none";
        }
        return text.length() > LONGEST_LABEL ? OTHER : text;
    }

    private static int length(byte[] payload) {
        return payload == null ? 0 : payload.length;
    }
}
