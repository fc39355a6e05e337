package io.outboxrelay.relay.chaos;

import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;

import io.outboxrelay.testkit.KafkaServer;
import io.outboxrelay.testkit.StoredRecord;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What a consumer sees while it happens. The judgement comes later, from the whole topic. Safe for use by any thread. */
final class Arrivals implements AutoCloseable {

    private static final Logger log = LoggerFactory.getLogger(Arrivals.class);

    private final KafkaServer kafka;
    private final String topic;
    private final Map<Integer, Long> read = new HashMap<>();
    private final Set<String> seen = new HashSet<>();
    private final Thread thread = new Thread(this::follow, "arrivals");

    private volatile boolean closed;
    private int duplicates;
    private OptionalLong lastNew = OptionalLong.empty();
    private long longestStall;

    Arrivals(KafkaServer kafka, String topic) {
        this.kafka = kafka;
        this.topic = topic;
        thread.setDaemon(true);
        thread.start();
    }

    /** How many different events. */
    synchronized int distinct() {
        return seen.size();
    }

    /** Whether this event has come. */
    synchronized boolean has(String eventId) {
        return seen.contains(eventId);
    }

    /** How many that were seen before. */
    synchronized int duplicates() {
        return duplicates;
    }

    /** The longest time without a new event, from the first one until now. */
    synchronized Duration longestStall() {
        stalledUntil(System.nanoTime());
        return Duration.ofNanos(longestStall);
    }

    @Override
    public void close() {
        closed = true;
    }

    /** A consumer that fails is followed by another, which begins at the beginning. */
    private void follow() {
        while (!closed) {
            try {
                kafka.topics().follow(topic, this::arrived, () -> closed);
            } catch (RuntimeException outage) {
                log.info("The consumer begins again: {}", outage.toString());
                Moments.pass(Duration.ofMillis(500));
            }
        }
    }

    private synchronized void arrived(StoredRecord record) {
        Long last = read.get(record.partition());
        if (last != null && record.offset() <= last) {
            return;
        }
        read.put(record.partition(), record.offset());
        if (!seen.add(record.headers().get("id"))) {
            duplicates++;
            return;
        }
        long now = System.nanoTime();
        stalledUntil(now);
        lastNew = OptionalLong.of(now);
    }

    private void stalledUntil(long now) {
        lastNew.ifPresent(last -> longestStall = Math.max(longestStall, now - last));
    }
}
