package io.outboxrelay.relay.delivery;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.LongStream;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.slf4j.LoggerFactory;

import static org.assertj.core.api.Assertions.assertThat;

/**
 * Thousands of lives of a delivery, each chosen by a seed: whatever a broker, a source and an operator do, nothing is lost,
 * and every aggregate stays in order. {@code -Ddelivery.seed=N} lives one of them again, {@code -Ddelivery.schedules=N}
 * so many.
 */
class DeliverySchedulesTest {

    /** Not of the package that is silenced. */
    private static final org.slf4j.Logger log = LoggerFactory.getLogger("io.outboxrelay.relay.schedules");

    private final Logger logger = (Logger) LoggerFactory.getLogger("io.outboxrelay.relay.delivery");

    @BeforeEach
    void silence() {
        if (System.getProperty("delivery.seed") == null) {
            logger.setLevel(Level.OFF);
        }
    }

    @AfterEach
    void endSilence() {
        logger.setLevel(null);
    }

    @Test
    void nothingIsLostAndEveryAggregateStaysInOrder() {
        Map<String, Integer> happened = new LinkedHashMap<>();
        for (long seed : seeds()) {
            DeliverySchedule schedule = new DeliverySchedule(seed);
            try {
                schedule.live();
            } catch (Exception | AssertionError e) {
                throw new AssertionError(
                        "seed " + seed + " (again with -Ddelivery.seed=" + seed + "): " + e + "; " + schedule, e);
            }
            schedule.happened().forEach((what, times) -> happened.merge(what, times, Integer::sum));
        }
        log.info("Schedules: {}", happened);
        if (System.getProperty("delivery.seed") == null) {
            assertThat(happened)
                    .allSatisfy((what, times) -> assertThat(times).as(what).isPositive());
        }
    }

    private static long[] seeds() {
        Long one = Long.getLong("delivery.seed");
        if (one != null) {
            return new long[] {one};
        }
        int schedules = Integer.getInteger("delivery.schedules", 2_000);
        SplittableRandom random = new SplittableRandom();
        return LongStream.generate(random::nextLong).limit(schedules).toArray();
    }
}
