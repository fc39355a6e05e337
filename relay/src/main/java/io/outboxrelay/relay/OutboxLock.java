package io.outboxrelay.relay;

import java.sql.SQLException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;

import io.outboxrelay.api.Code;
import io.outboxrelay.api.Fence;
import io.outboxrelay.api.OutboxDatabase;
import io.outboxrelay.api.SourceBusyException;
import io.outboxrelay.postgres.Lease;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The right to read one outbox, whatever reads it: held by one relay alone, or by several that share the table. Kept by
 * pings on a thread of its own, so that nothing else delays them; a relay that is paused for longer than the lease loses
 * it. Safe for use by any thread.
 */
final class OutboxLock implements AutoCloseable {

    private static final Logger log = LoggerFactory.getLogger(OutboxLock.class);

    /** One of them may be late before the lease has run out. */
    private static final Duration PING = Duration.ofSeconds(4);

    private final OutboxDatabase database;
    private final boolean shared;
    private final Lease.Key key;
    private final Lease.Key leader;
    private final Runnable onLost;
    private final ScheduledExecutorService pings = Executors.newSingleThreadScheduledExecutor(task -> {
        Thread thread = new Thread(task, "outbox-relay-lock");
        thread.setDaemon(true);
        return thread;
    });

    private final Future<?> pinging;

    private Lease lease;
    private volatile boolean held;
    private volatile boolean leads;
    private boolean closed;

    /**
     * @param database where the outbox is
     * @param shared whether others may hold the lock too, if they share it as well
     * @param onLost called after the lock was held and is not any more, unless it was given back
     */
    OutboxLock(OutboxDatabase database, boolean shared, Runnable onLost) {
        this.database = database;
        this.shared = shared;
        this.key = Lease.Key.ofReaders(database.table());
        this.leader = Lease.Key.ofLeader(database.table());
        this.onLost = onLost;
        this.pinging =
                pings.scheduleWithFixedDelay(this::ping, PING.toMillis(), PING.toMillis(), TimeUnit.MILLISECONDS);
    }

    /**
     * Takes the lock unless it is held already, and makes sure that it is. Never waits for another holder.
     *
     * @return whether it was taken now
     * @throws SourceBusyException if others hold it; the message names them
     */
    boolean take() throws SQLException, SourceBusyException {
        synchronized (this) {
            if (closed) {
                throw new IllegalStateException("the lock was given back for good");
            }
            if (held && isAlive()) {
                return false;
            }
            if (tryLock()) {
                return true;
            }
        }
        throw new SourceBusyException(database.table() + " is read by " + holders());
    }

    /** The right to read, as it is held now. */
    synchronized Fence fence() {
        return held ? lease.fence() : connection -> false;
    }

    synchronized boolean isHeld() {
        return held;
    }

    /**
     * Whether this relay is the one that does what only one may do: the holder, or of those who share the lock the first
     * that asked, for as long as it shares it.
     */
    synchronized boolean leads() {
        if (!held || !shared || leads) {
            return held;
        }
        try {
            leads = lease.tryLock(leader);
        } catch (SQLException e) {
            log.debug("Cannot ask who leads", e); // The next ping finds the lease lost.
        }
        return leads;
    }

    /** Whether it was, when that was last asked; waits for nothing. */
    boolean isLeader() {
        return held && (!shared || leads);
    }

    /** Gives the lock back, at once and for good. */
    @Override
    public void close() {
        pinging.cancel(false);
        pings.shutdown();
        synchronized (this) {
            closed = true;
            unlock();
            disconnect();
        }
    }

    /** The server needs a moment to notice that a session has ended. */
    private void unlock() {
        if (!held) {
            return;
        }
        try {
            lease.revoke();
            if (shared) {
                lease.unlockShared(key);
            } else {
                lease.unlock(key);
            }
        } catch (SQLException e) {
            log.debug("The lock ends with its session", e);
        }
    }

    private synchronized boolean tryLock() throws SQLException {
        try {
            if (lease == null) {
                lease = Lease.open(database.address(), Lease.OF_OUTBOX);
            }
            held = shared ? lease.tryLockShared(key) : lease.tryLock(key);
            if (held) {
                // Behind a pooler that lends sessions the lock may be in another's hands already.
                lease.ping();
            }
            return held;
        } catch (SQLException e) {
            disconnect();
            throw e;
        }
    }

    private void ping() {
        try {
            if (isLostNow()) {
                onLost.run();
            } else {
                leads(); // So that one of them leads, although nothing asks for it.
            }
        } catch (RuntimeException | Error e) {
            // Thrown on, it would end the pings.
            log.error("{} What follows the loss of the lock failed", Code.UNEXPECTED, e);
        }
    }

    private synchronized boolean isLostNow() {
        boolean wasHeld = held;
        return lease != null && !closed && !isAlive() && wasHeld;
    }

    /** Renews the lease, or finds that it has ended. */
    private synchronized boolean isAlive() {
        try {
            lease.ping();
            return true;
        } catch (SQLException e) {
            if (held) {
                log.warn(
                        "{} The lock on {} is lost, and nothing is read until it is taken again: {}",
                        Code.LOCK_LOST,
                        database.table(),
                        Diagnosis.of(e).text());
            }
            disconnect();
            return false;
        }
    }

    private void disconnect() {
        held = false;
        leads = false;
        if (lease == null) {
            return;
        }
        try {
            lease.close();
        } catch (SQLException e) {
            log.debug("Closing the lock's session failed", e);
        }
        lease = null;
    }

    private synchronized String holders() {
        List<String> holders = List.of();
        try {
            if (lease != null) {
                holders = lease.holders(key);
            }
        } catch (SQLException e) {
            log.debug("Cannot ask who holds the lock", e);
        }
        return holders.isEmpty() ? "another relay" : "another relay: " + String.join(", ", holders);
    }
}
