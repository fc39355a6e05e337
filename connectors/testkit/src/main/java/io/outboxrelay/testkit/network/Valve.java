package io.outboxrelay.testkit.network;

import java.io.IOException;
import java.io.OutputStream;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;

/** The flow in one direction, which all connections share. */
final class Valve {

    private Flow flow = Flow.FREE;

    synchronized void set(Flow next) {
        flow = next;
        notifyAll();
    }

    /**
     * Writes these bytes as the flow of each moment has it. Blocks while it is held.
     *
     * @param stop when to give the rest up; looked at when {@link #wake} is called, and between chunks
     */
    void write(byte[] bytes, int length, OutputStream out, BooleanSupplier stop)
            throws IOException, InterruptedException {
        int written = 0;
        while (written < length) {
            Flow now = awaitTurn(stop);
            if (stop.getAsBoolean()) {
                return;
            }
            int count = Math.min(now.chunk(), length - written);
            out.write(bytes, written, count);
            out.flush();
            written += count;
        }
    }

    /** Lets those that wait look whether they are to stop. */
    synchronized void wake() {
        notifyAll();
    }

    /** Waits until something may pass, or it is told to stop. */
    synchronized Flow awaitTurn(BooleanSupplier stop) throws InterruptedException {
        while (true) {
            while (!flow.passes() && !stop.getAsBoolean()) {
                wait();
            }
            Flow now = flow;
            if (stop.getAsBoolean() || !isChangedWithin(now)) {
                return now;
            }
        }
    }

    /** Waits for as long as the flow pauses, unless it changes. */
    private boolean isChangedWithin(Flow now) throws InterruptedException {
        long end = System.nanoTime() + now.pause().toNanos();
        for (long left = end - System.nanoTime(); left > 0 && flow.equals(now); left = end - System.nanoTime()) {
            TimeUnit.NANOSECONDS.timedWait(this, Math.max(left, 1_000_000));
        }
        return !flow.equals(now);
    }
}
