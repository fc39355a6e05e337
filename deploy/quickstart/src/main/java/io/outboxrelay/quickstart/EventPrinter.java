package io.outboxrelay.quickstart;

import java.nio.charset.StandardCharsets;

import org.apache.kafka.clients.consumer.ConsumerRecord;

/** Shows events as a consumer sees them: the first few, and then one every second. For the reader's thread. */
final class EventPrinter {

    private static final int FIRST = 8;
    private static final long NANOS_BETWEEN = 2_000_000_000;

    private final Screen screen;
    private int printed;
    private long printedAt;
    private volatile boolean all;

    EventPrinter(Screen screen) {
        this.screen = screen;
    }

    /** From now on every one. Any thread may say so. */
    void all() {
        all = true;
    }

    void received(ConsumerRecord<String, byte[]> record) {
        if (all || printed < FIRST || System.nanoTime() - printedAt > NANOS_BETWEEN) {
            printed++;
            printedAt = System.nanoTime();
            screen.line(
                    "  key %-5s %-15s %s",
                    record.key(),
                    EventReader.header(record, "type"),
                    record.value() == null ? "" : new String(record.value(), StandardCharsets.UTF_8));
        }
    }
}
