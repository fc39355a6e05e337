package io.outboxrelay.relay.delivery;

import java.time.Duration;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * How much may be unsettled at once, in events and in bytes. A batch is let in whole while there is any room, so the
 * limits can be passed by one batch per lane. Safe for use by many threads; leaving costs no lock unless somebody waits.
 */
final class Room {

    private final long maxEvents;
    private final long maxBytes;
    private final AtomicLong events = new AtomicLong();
    private final AtomicLong bytes = new AtomicLong();

    private final ReentrantLock lock = new ReentrantLock();
    private final Condition left = lock.newCondition();
    private final AtomicInteger waiting = new AtomicInteger();

    Room(long maxEvents, long maxBytes) {
        this.maxEvents = maxEvents;
        this.maxBytes = maxBytes;
    }

    boolean await(Duration atMost) throws InterruptedException {
        if (isFree()) {
            return true;
        }
        long nanos = atMost.toNanos();
        lock.lockInterruptibly();
        try {
            waiting.incrementAndGet();
            while (!isFree()) {
                if (nanos <= 0) {
                    return false;
                }
                nanos = left.awaitNanos(nanos);
            }
            return true;
        } finally {
            waiting.decrementAndGet();
            lock.unlock();
        }
    }

    void enter(long size) {
        events.incrementAndGet();
        bytes.addAndGet(size);
    }

    void leave(long size) {
        bytes.addAndGet(-size);
        events.decrementAndGet();
        if (waiting.get() > 0 && isFree()) {
            lock.lock();
            try {
                left.signalAll();
            } finally {
                lock.unlock();
            }
        }
    }

    long events() {
        return events.get();
    }

    long bytes() {
        return bytes.get();
    }

    private boolean isFree() {
        return events.get() < maxEvents && bytes.get() < maxBytes;
    }
}
