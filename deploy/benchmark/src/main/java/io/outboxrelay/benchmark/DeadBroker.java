package io.outboxrelay.benchmark;

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
record DeadBroker(int rows, Duration outage) {

    private static final Duration LIMIT = Duration.ofMinutes(5);

    List<Figure> measure(Relay relay, Outbox outbox) throws Exception {
        outbox.commitBacklog(1);
        KafkaServer kafka = outbox.kafka();
        try (Relay.Running running = relay.start(outbox).awaitStreaming()) {
            long before = awaitMore(outbox, running, 0);
            double idle = residentAtMost(running, Duration.ofSeconds(10));
            kafka.stop();
            long downSince = System.nanoTime();
            outbox.commitBacklog(rows);
            Duration left = outage.minusNanos(System.nanoTime() - downSince);
            double waiting = residentAtMost(running, left.isNegative() ? Duration.ofSeconds(5) : left);
            kafka.restart();
            long back = System.nanoTime();
            awaitMore(outbox, running, before);
            double recovery = (System.nanoTime() - back) / 1e9;
            running.stop();
            String name = rows + " rows behind a dead broker";
            return List.of(
                    Figure.less(name + ", resident before", "MB", idle),
                    Figure.less(name + ", resident at most", "MB", waiting),
                    Figure.less(name + ", growth", "%", (waiting / idle - 1) * 100),
                    Figure.less("broker back to the next message", "s", recovery));
        }
    }

    private static double residentAtMost(Relay.Running running, Duration lasting) throws InterruptedException {
        double most = 0;
        long end = System.nanoTime() + lasting.toNanos();
        Patience patience = new Patience("the end of the outage", LIMIT);
        while (System.nanoTime() - end < 0) {
            running.requireAlive();
            most = Math.max(most, running.residentMegabytes());
            patience.pause();
        }
        return most;
    }

    private static long awaitMore(Outbox outbox, Relay.Running running, long than) throws InterruptedException {
        Patience patience = new Patience("a message", LIMIT);
        try (Topic topic = new Topic(outbox)) {
            while (topic.size() <= than) {
                running.requireAlive();
                patience.pause();
            }
            return topic.size();
        }
    }
}
