package io.outboxrelay.relay.delivery;

import java.util.ArrayDeque;
import java.util.Comparator;
import java.util.PriorityQueue;
import java.util.Queue;
import java.util.concurrent.Delayed;
import java.util.concurrent.FutureTask;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;

import io.github.bucket4j.TimeMeter;

/** Time that passes only when a test says so; what is due then runs on the test's own thread, in order. */
final class VirtualClock extends VirtualExecutor implements TimeMeter {

    private final class Task extends FutureTask<Void> implements ScheduledFuture<Void> {

        private final long at;
        private final long number = scheduled++;

        Task(Runnable task, long at) {
            super(task, null);
            this.at = at;
        }

        @Override
        public long getDelay(TimeUnit unit) {
            return unit.convert(at - now, TimeUnit.NANOSECONDS);
        }

        @Override
        public int compareTo(Delayed other) {
            return IN_ORDER.compare(this, (Task) other);
        }
    }

    private static final Comparator<Task> IN_ORDER =
            Comparator.<Task>comparingLong(task -> task.at).thenComparingLong(task -> task.number);

    private final PriorityQueue<Task> tasks = new PriorityQueue<>(IN_ORDER);
    private long now = 1;
    private long scheduled;

    @Override
    public long currentTimeNanos() {
        return now;
    }

    @Override
    public boolean isWallClockBased() {
        return false;
    }

    /** How many tasks wait for their time. */
    long waiting() {
        return tasks.stream().filter(task -> !task.isCancelled()).count();
    }

    /** Moves on to the next task and runs it; false if there is none. */
    boolean runNext() throws Exception {
        Task next = tasks.poll();
        if (next == null) {
            return false;
        }
        now = Math.max(now, next.at);
        next.run();
        if (!next.isCancelled()) {
            next.get(); // Tells of what it threw.
        }
        return true;
    }

    /** Lets time pass, with all that is due in it. */
    void pass(long amount, TimeUnit unit) throws Exception {
        long until = now + unit.toNanos(amount);
        while (!tasks.isEmpty() && tasks.peek().at <= until) {
            runNext();
        }
        now = Math.max(now, until); // A task may have let time pass itself.
    }

    @Override
    public ScheduledFuture<Void> schedule(Runnable command, long delay, TimeUnit unit) {
        Task task = new Task(command, now + Math.max(0, unit.toNanos(delay)));
        tasks.add(task);
        return task;
    }

    @Override
    public void shutdown() {
        tasks.clear();
    }

    /** A thread of its own, which runs one task at a time: one that lets time pass keeps the others waiting. */
    ScheduledExecutorService thread() {
        return new VirtualThread();
    }

    private final class VirtualThread extends VirtualExecutor {

        private final Queue<Runnable> due = new ArrayDeque<>();
        private boolean isAtWork;
        private boolean isShutDown;

        @Override
        public ScheduledFuture<Void> schedule(Runnable command, long delay, TimeUnit unit) {
            return VirtualClock.this.schedule(() -> run(command), delay, unit);
        }

        @Override
        public void shutdown() {
            isShutDown = true;
            due.clear();
        }

        private void run(Runnable command) {
            due.add(command);
            if (isAtWork) {
                return;
            }
            isAtWork = true;
            try {
                for (Runnable next = due.poll(); next != null && !isShutDown; next = due.poll()) {
                    next.run();
                }
            } finally {
                isAtWork = false;
            }
        }
    }
}
