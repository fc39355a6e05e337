package io.outboxrelay.relay.chaos;

import java.time.Duration;
import java.util.Random;

/** What can be broken, and for how long. */
enum FaultKind {
    POSTGRES_CUT(Category.NETWORK, "Postgres: connections reset", 0, 0),
    POSTGRES_REFUSED(Category.NETWORK, "Postgres: connections reset, new ones refused", 500, 4_000),
    POSTGRES_HELD(Category.NETWORK, "Postgres: nothing passes, then all of it", 1_000, 7_000),
    POSTGRES_DEAF(Category.NETWORK, "Postgres: nothing passes to it, then all of it", 1_000, 7_000),
    POSTGRES_MUTE(Category.NETWORK, "Postgres: nothing passes from it, then all of it", 1_000, 7_000),
    POSTGRES_HALF_OPEN(Category.NETWORK, "Postgres: connections half-open for ever", 500, 3_000),
    POSTGRES_SLOW(Category.NETWORK, "Postgres: 50 kB/s", 2_000, 5_000),
    POSTGRES_BYTE_BY_BYTE(Category.NETWORK, "Postgres: byte by byte", 2_000, 4_000),

    KAFKA_CUT(Category.NETWORK, "Kafka: connections reset", 0, 0),
    KAFKA_REFUSED(Category.NETWORK, "Kafka: connections reset, new ones refused", 500, 4_000),
    KAFKA_HELD(Category.NETWORK, "Kafka: nothing passes, then all of it", 1_000, 7_000),
    KAFKA_DEAF(Category.NETWORK, "Kafka: nothing passes to it, then all of it", 1_000, 7_000),
    KAFKA_MUTE(Category.NETWORK, "Kafka: nothing passes from it, then all of it", 1_000, 7_000),
    KAFKA_HALF_OPEN(Category.NETWORK, "Kafka: connections half-open for ever", 500, 3_000),
    KAFKA_SLOW(Category.NETWORK, "Kafka: 50 kB/s", 2_000, 5_000),
    KAFKA_BYTE_BY_BYTE(Category.NETWORK, "Kafka: byte by byte", 2_000, 4_000),

    LEADER_KILLED(Category.PROCESS, "Leader: kill -9", 0, 2_000),
    STANDBY_KILLED(Category.PROCESS, "Standby: kill -9", 0, 2_000),
    BOTH_KILLED(Category.PROCESS, "Both relays: kill -9", 0, 2_000),
    LEADER_STOPPED(Category.PROCESS, "Leader: clean stop and start", 0, 2_000),
    /** Longer than the lease of 10 s and the longest time-out that the suite sets. */
    LEADER_PAUSED(Category.PROCESS, "Leader: SIGSTOP beyond its lease", 13_000, 16_000),
    STANDBY_PAUSED(Category.PROCESS, "Standby: SIGSTOP", 1_000, 12_000),

    POSTGRES_RESTARTED(Category.SERVER, "Postgres: clean restart", 0, 3_000),
    POSTGRES_KILLED(Category.SERVER, "Postgres: kill -9", 0, 3_000),
    WALSENDER_TERMINATED(Category.SERVER, "Postgres: walsender terminated", 0, 0),
    SESSIONS_TERMINATED(Category.SERVER, "Postgres: all sessions terminated", 0, 0),
    SLOT_DROPPED(Category.SERVER, "Postgres: replication slot dropped", 0, 0),
    KAFKA_RESTARTED(Category.SERVER, "Kafka: clean restart", 0, 3_000),
    KAFKA_KILLED(Category.SERVER, "Kafka: kill -9", 0, 3_000),
    KAFKA_PAUSED(Category.SERVER, "Kafka: SIGSTOP", 1_000, 7_000),
    KAFKA_DISK_FULL(Category.SERVER, "Kafka: disk full until it ends, then room again", 1_000, 3_000);

    /** Where a fault strikes. */
    enum Category {
        NETWORK,
        PROCESS,
        SERVER
    }

    private final Category category;
    private final String text;
    private final int shortestMillis;
    private final int longestMillis;

    FaultKind(Category category, String text, int shortestMillis, int longestMillis) {
        this.category = category;
        this.text = text;
        this.shortestMillis = shortestMillis;
        this.longestMillis = longestMillis;
    }

    Category category() {
        return category;
    }

    /** For people. */
    String text() {
        return text;
    }

    /** Draws one number, whatever the kind, so that a plan does not depend on more than its seed. */
    Duration length(Random random) {
        return Duration.ofMillis(shortestMillis + Math.round(random.nextDouble() * (longestMillis - shortestMillis)));
    }
}
