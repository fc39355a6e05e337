package io.outboxrelay.benchmark;

import java.time.Duration;
import java.util.List;

import org.apache.kafka.common.record.TimestampType;

/** How fast a backlog becomes messages: between the times at which Kafka stored the first and the last. */
record Drain(int events) {

    private static final Duration LIMIT = Duration.ofMinutes(10);

    List<Figure> measure(Relay relay, Outbox outbox) throws Exception {
        try (Relay.Running first = relay.start(outbox)) {
            // Makes the slot, so that the log holds what is committed from now on.
            first.awaitStreaming().stop();
        }
        outbox.commitBacklog(events);
        double processorSeconds;
        double residentMegabytes;
        try (Topic topic = new Topic(outbox)) {
            try (Relay.Running running = relay.start(outbox)) {
                Patience patience = new Patience("the last message", LIMIT);
                while (topic.size() < events) {
                    running.requireAlive();
                    patience.pause();
                }
                processorSeconds = running.processorSeconds();
                residentMegabytes = running.residentMegabytes();
                running.stop();
            }
            Check check = new Check(events);
            long[] stored = {Long.MAX_VALUE, Long.MIN_VALUE};
            topic.readAll(record -> {
                if (record.timestampType() != TimestampType.LOG_APPEND_TIME) {
                    throw new IllegalStateException("the topic does not tell when messages were stored");
                }
                stored[0] = Math.min(stored[0], record.timestamp());
                stored[1] = Math.max(stored[1], record.timestamp());
                check.received(record.key(), Topic.numberOf(record));
            });
            check.requireRight();
            String name = "drain of " + events;
            return List.of(
                    Figure.more(name, "rows/s", events / Math.max(0.001, (stored[1] - stored[0]) / 1e3)),
                    Figure.less(name + ", processor", "s/million", processorSeconds / events * 1e6),
                    Figure.less(name + ", resident at its end", "MB", residentMegabytes),
                    Figure.less(name + ", duplicates", "rows", check.duplicates()));
        }
    }
}
