package io.outboxrelay.source.debezium;

import java.io.IOException;
import java.time.Duration;
import java.util.Optional;
import java.util.Properties;
import java.util.concurrent.TimeUnit;

import io.debezium.embedded.Connect;
import io.debezium.engine.ChangeEvent;
import io.debezium.engine.DebeziumEngine;
import io.outboxrelay.api.Code;
import org.apache.kafka.connect.source.SourceRecord;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** One engine, from start to end, with the thread that it runs on. */
final class Engine {

    private static final Logger log = LoggerFactory.getLogger(Engine.class);

    private static final Duration RETRY = Duration.ofMillis(20);

    /** A thread that has not ended so long after the engine was closed never will by itself. */
    private static final long LINGERING_NANOS = TimeUnit.MILLISECONDS.toNanos(500);

    private final DebeziumEngine<ChangeEvent<SourceRecord, SourceRecord>> engine;
    private final Thread thread;

    private volatile Throwable failure;
    private volatile boolean told;
    private volatile long toldAt;

    /** @param reader is given what the engine reads */
    Engine(Properties properties, DebeziumEngine.ChangeConsumer<ChangeEvent<SourceRecord, SourceRecord>> reader) {
        engine = DebeziumEngine.create(Connect.class)
                .using(properties)
                // Whenever the reader asks: it asks only after it has written the checkpoint.
                .using((records, sinceLast) -> true)
                .using((success, message, error) -> failure = error)
                .notifying(reader)
                .build();
        thread = new Thread(engine, properties.getProperty("name"));
        thread.setDaemon(true);
    }

    void start() {
        thread.start();
    }

    /** Whether it has ended within that time. */
    boolean awaitEnd(Duration atMost) throws InterruptedException {
        thread.join(atMost.toMillis());
        return !thread.isAlive();
    }

    /** Why it ended, as far as the engine tells. */
    Optional<Throwable> failure() {
        return Optional.ofNullable(failure);
    }

    /**
     * Ends it, in whatever state it is, and waits until it has ended. Any thread may call it but the engine's own, and
     * several at once; and again, to go on waiting.
     *
     * @return false if it had not ended by then
     */
    boolean close(Duration atMost) throws InterruptedException {
        long deadline = System.nanoTime() + atMost.toNanos();
        while (!awaitEnd(RETRY)) {
            if (!told) {
                told = tryClose();
                toldAt = System.nanoTime();
            } else if (System.nanoTime() - toldAt > LINGERING_NANOS) {
                // Closed in the moment in which polling begins, the engine takes the polling task back before it has
                // begun, and waits for its end.
                thread.interrupt();
            }
            if (System.nanoTime() - deadline > 0) {
                return false;
            }
        }
        return true;
    }

    /** Refused while tasks are starting, and to all but the first who ask. */
    private boolean tryClose() {
        try {
            engine.close();
            return true;
        } catch (IllegalStateException e) {
            log.trace("The engine cannot be closed yet, or is closing", e);
            return false;
        } catch (IOException e) {
            log.warn("{} The engine did not close in good order: {}", Code.ENGINE_NOT_ENDED, e.toString());
            return true;
        }
    }
}
