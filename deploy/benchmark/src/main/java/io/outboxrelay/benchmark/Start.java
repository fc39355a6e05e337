package io.outboxrelay.benchmark;

import java.time.Duration;
import java.util.List;

/** How long the start takes, from the process to the log, and to the first message of a row that waited. */
record Start() {

    private static final Duration LIMIT = Duration.ofSeconds(60);

    List<Figure> measure(Relay relay, Outbox outbox) throws Exception {
        try (Relay.Running first = relay.start(outbox)) {
            first.awaitStreaming().stop();
        }
        outbox.commitBacklog(1);
        try (Topic topic = new Topic(outbox)) {
            long began = System.nanoTime();
            try (Relay.Running running = relay.start(outbox)) {
                running.awaitStreaming();
                double streaming = secondsSince(began);
                Patience patience = new Patience("the first message", LIMIT);
                while (topic.poll().isEmpty()) {
                    patience.check();
                    running.requireAlive();
                }
                double delivered = secondsSince(began);
                running.stop();
                return List.of(
                        Figure.less("start to streaming", "s", streaming),
                        Figure.less("start to the first message", "s", delivered));
            }
        }
    }

    private static double secondsSince(long began) {
        return (System.nanoTime() - began) / 1e9;
    }
}
