package io.outboxrelay.benchmark;

import java.time.Duration;
import java.util.List;

/** How long the start takes, from the process until it reads, and to the first message of a row that waited. */
record Start() {

    private static final Duration LIMIT = Duration.ofSeconds(60);

    List<Figure> measure(Subject subject, Outbox outbox) throws Exception {
        subject.prepare(outbox);
        outbox.commit(Rows.of(1));
        try (Topic topic = new Topic(outbox)) {
            long began = System.nanoTime();
            try (SubjectProcess process = subject.start(outbox)) {
                Patience patience = new Patience("the first message", LIMIT);
                while (topic.poll().isEmpty()) {
                    patience.check();
                    process.requireAlive();
                }
                double delivered = (System.nanoTime() - began) / 1e9;
                double processor = process.processorSeconds();
                process.stop();
                return List.of(
                        Figure.less("start to the first message", "s", delivered),
                        Figure.less("processor until then", "s", processor));
            }
        }
    }
}
