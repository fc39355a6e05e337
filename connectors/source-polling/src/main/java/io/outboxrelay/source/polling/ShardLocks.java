package io.outboxrelay.source.polling;

import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

import io.outboxrelay.api.Code;
import io.outboxrelay.api.CodedSqlException;
import io.outboxrelay.api.Fence;
import io.outboxrelay.api.OutboxDatabase;
import io.outboxrelay.api.SourceBusyException;
import io.outboxrelay.postgres.Lease;
import io.outboxrelay.postgres.Lease.Holding;
import io.outboxrelay.schema.OutboxTable;

/**
 * Which shards this process reads: one advisory lock per shard, all on one {@link Lease}. Who takes part holds a lock that
 * all share, so that each can tell how many they are and what its share is. Used by one thread, but for {@link #isHeld}.
 */
final class ShardLocks implements AutoCloseable {

    /** The most shards. */
    static final int MOST = 64;

    private static final Duration GATE_LIMIT = Duration.ofSeconds(5);

    private final Lease lease;
    private final long leaseNanos;
    private final OutboxTable table;
    private final int count;
    private final Map<Lease.Key, Integer> shards = new TreeMap<>(Comparator.comparingLong(Lease.Key::number));
    private final TreeSet<Integer> held = new TreeSet<>();

    private List<Holding> seen = List.of();
    private volatile long renewed;

    private ShardLocks(Lease lease, OutboxDatabase database, PollingSettings settings) {
        this.lease = lease;
        this.leaseNanos = settings.lease().toNanos();
        this.table = database.table();
        this.count = settings.shards();
        for (int shard = 0; shard < count; shard++) {
            shards.put(shard(shard), shard);
        }
        this.renewed = System.nanoTime();
    }

    /**
     * Takes part. Holds no shard yet.
     *
     * @throws SourceBusyException if the outbox is read in another number of shards
     */
    static ShardLocks join(OutboxDatabase database, PollingSettings settings)
            throws SQLException, SourceBusyException, InterruptedException {
        Lease lease = Lease.open(database.address(), settings.lease());
        try {
            ShardLocks locks = new ShardLocks(lease, database, settings);
            locks.join();
            return locks;
        } catch (SQLException | SourceBusyException | InterruptedException | RuntimeException e) {
            lease.close();
            throw e;
        }
    }

    /** Renews the lease and sees who holds what. To be called several times within its length. */
    void look() throws SQLException {
        long began = System.nanoTime();
        List<Lease.Key> keys = new ArrayList<>(shards.keySet());
        keys.add(members(count));
        seen = lease.look(keys);
        long mine = seen.stream()
                .filter(holding -> holding.holder().pid() == lease.backend())
                .count();
        if (mine != held.size() + 1) {
            throw new CodedSqlException(
                    Code.SESSIONS_CHANGE_HANDS,
                    "locks of the database session " + lease.backend()
                            + " are gone although it goes on: something reset it. A pooler must be in session mode",
                    null);
        }
        renewed = began;
    }

    /** The right to read the shards that are held. */
    Fence fence() {
        return lease.fence();
    }

    /** Whether the server cannot have ended the session yet, and given the shards to others. Any thread may ask. */
    boolean isHeld() {
        return System.nanoTime() - renewed < leaseNanos;
    }

    /** How many shards this process should hold, as of the last {@link #look}: they are divided evenly. */
    int share() {
        Map<Integer, Long> holders = seen.stream()
                .filter(holding -> holding.key().equals(members(count)))
                .map(holding -> holding.holder().pid())
                .distinct()
                .collect(Collectors.toMap(Function.identity(), this::shardsOf, (a, b) -> a, TreeMap::new));
        // Who holds more keeps the remainder, so that nothing changes hands without need.
        List<Integer> ranks = holders.keySet().stream()
                .sorted(Comparator.comparingLong((Integer pid) -> -holders.get(pid))
                        .thenComparingInt(pid -> pid))
                .toList();
        int rank = ranks.indexOf(lease.backend());
        return count / ranks.size() + (rank < count % ranks.size() ? 1 : 0);
    }

    /** Takes a shard that nobody holds, if there is one. */
    Optional<Integer> takeFree() throws SQLException {
        for (int shard = 0; shard < count; shard++) {
            Lease.Key key = shard(shard);
            boolean isFree = seen.stream().noneMatch(holding -> holding.key().equals(key));
            if (isFree && !held.contains(shard) && lease.tryLock(key)) {
                held.add(shard);
                return Optional.of(shard);
            }
        }
        return Optional.empty();
    }

    /** Lets others have a shard. */
    void release(int shard) throws SQLException {
        lease.unlock(shard(shard));
        held.remove(shard);
    }

    /** Who holds the shards, for people. */
    String holders() {
        return seen.stream()
                .filter(holding -> shards.containsKey(holding.key()))
                .map(holding -> "shard " + shards.get(holding.key()) + " of " + count + " by " + holding.holder())
                .collect(Collectors.joining(", "));
    }

    @Override
    public void close() throws SQLException {
        lease.close();
    }

    /** The gate is open for one at a time, so that two who differ in the number of shards see each other. */
    private void join() throws SQLException, SourceBusyException, InterruptedException {
        Lease.Key gate = Lease.Key.of("outbox-relay", table.toString(), "shards");
        long deadline = System.nanoTime() + GATE_LIMIT.toNanos();
        while (!lease.tryLock(gate)) {
            if (System.nanoTime() - deadline > 0) {
                throw new SourceBusyException("another relay has been joining the readers of " + table + " for "
                        + GATE_LIMIT.toSeconds() + " s: "
                        + String.join(", ", lease.holders(gate)));
            }
            TimeUnit.MILLISECONDS.sleep(20);
        }
        Map<Lease.Key, Integer> others = IntStream.rangeClosed(1, MOST)
                .filter(other -> other != count)
                .boxed()
                .collect(Collectors.toMap(this::members, Function.identity()));
        for (Holding holding : lease.look(others.keySet())) {
            throw new SourceBusyException(
                    Code.SHARDS_DIFFER,
                    table + " is read in " + others.get(holding.key()) + " shards by "
                            + holding.holder() + ", and this relay is set to " + count
                            + " (source.polling.shards): rows of one aggregate would have two readers");
        }
        if (!lease.tryLockShared(members(count))) {
            throw new SourceBusyException(
                    "the readers of " + table + " cannot be joined: somebody holds their lock alone");
        }
        lease.unlock(gate);
    }

    private long shardsOf(int pid) {
        return seen.stream()
                .filter(holding -> holding.holder().pid() == pid && shards.containsKey(holding.key()))
                .count();
    }

    private Lease.Key shard(int index) {
        return Lease.Key.of(
                "outbox-relay", table.toString(), "shard", Integer.toString(count), Integer.toString(index));
    }

    private Lease.Key members(int shardCount) {
        return Lease.Key.of("outbox-relay", table.toString(), "shards", Integer.toString(shardCount));
    }
}
