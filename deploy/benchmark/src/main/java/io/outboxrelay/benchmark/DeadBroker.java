package io.outboxrelay.benchmark;

import java.io.IOException;
import java.time.Duration;
import java.util.List;

import io.outboxrelay.testkit.KafkaServer;

/**
 * What it takes to wait behind a broker that is down: how much the relay's process grows while rows wait, and how soon the
 * first message is stored after the broker is back. The relay has sent something before.
 *
 * @param rows how many wait
 * @param outage how long the broker is down at least
 */
record DeadBroker(Rows rows, Duration outage) {

    private static final Duration LIMIT = Duration.ofMinutes(5);

    List<Figure> measure(Subject subject, Outbox outbox) throws Exception {
        outbox.commit(Rows.of(1));
        KafkaServer kafka = outbox.kafka();
        try (SubjectProcess process = subject.startReady(outbox)) {
            long before = awaitMore(outbox, process, 0);
            double idle = residentAtMost(process, Duration.ofSeconds(10));
            kafka.stop();
            long downSince = System.nanoTime();
            outbox.commit(rows);
            Duration left = outage.minusNanos(System.nanoTime() - downSince);
            double waiting = residentAtMost(process, left.isNegative() ? Duration.ofSeconds(5) : left);
            kafka.restart();
            long back = System.nanoTime();
            awaitMore(outbox, process, before);
            double recovery = (System.nanoTime() - back) / 1e9;
            process.stop();
            return List.of(
                    Figure.less("resident before", "MB", idle),
                    Figure.less("resident at most", "MB", waiting),
                    Figure.less("growth", "%", (waiting / idle - 1) * 100),
                    Figure.less("broker back to the next message", "s", recovery));
        }
    }

    private static double residentAtMost(SubjectProcess process, Duration lasting)
            throws IOException, InterruptedException {
        double most = 0;
        long end = System.nanoTime() + lasting.toNanos();
        Patience patience = new Patience("the end of the outage", LIMIT);
        while (System.nanoTime() - end < 0) {
            process.requireAlive();
            most = Math.max(most, process.residentMegabytes());
            patience.pause();
        }
        return most;
    }

    private static long awaitMore(Outbox outbox, SubjectProcess process, long than)
            throws IOException, InterruptedException {
        Patience patience = new Patience("a message", LIMIT);
        try (Topic topic = new Topic(outbox)) {
            while (topic.size() <= than) {
                process.requireAlive();
                patience.pause();
            }
            return topic.size();
        }
    }
}
