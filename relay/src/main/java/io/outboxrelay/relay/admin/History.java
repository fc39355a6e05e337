package io.outboxrelay.relay.admin;

import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Optional;

/** The samples of the last 15 minutes, oldest first. Safe for use by any thread. */
final class History {

    /** Between one sample and the next. */
    static final Duration INTERVAL = Duration.ofSeconds(2);

    private static final int MOST = (int) (Duration.ofMinutes(15).toSeconds() / INTERVAL.toSeconds());

    private final Deque<Sample> samples = new ArrayDeque<>(MOST);

    synchronized void add(Sample sample) {
        if (samples.size() == MOST) {
            samples.removeFirst();
        }
        samples.addLast(sample);
    }

    /** The samples of later milliseconds. */
    synchronized List<Sample> after(long epochMillis) {
        return samples.stream()
                .filter(sample -> sample.at().toEpochMilli() > epochMillis)
                .toList();
    }

    synchronized Optional<Sample> latest() {
        return Optional.ofNullable(samples.peekLast());
    }
}
