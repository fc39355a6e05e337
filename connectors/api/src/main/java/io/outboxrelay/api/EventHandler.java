package io.outboxrelay.api;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletionStage;
import java.util.function.IntConsumer;

/**
 * What a source hands its events to. A source calls its methods from one thread per lane; a lane is the whole log,
 * or one shard of a poller.
 */
public interface EventHandler {

    /** Says that the source has begun to read: called once per run, before the first batch. */
    void streaming();

    /**
     * Says that a lane begins whose rows another relay may have handed over until now: called in the lane's thread, before
     * its first batch, by sources that share an outbox with others. May wait for the database.
     *
     * @param fence the right to read the lane
     */
    default void laneBegins(Fence fence) throws InterruptedException {}

    /**
     * Waits until there is room for another batch, so that a source can look after its own connection meanwhile.
     *
     * @param atMost how long to wait
     * @return false if there was still no room then
     */
    boolean awaitRoom(Duration atMost) throws InterruptedException;

    /**
     * Takes a batch, oldest event first. Waits for nothing but, for a bounded time, the broker's own answer to what is
     * asked before a send; the source asked for room before.
     *
     * @param settled told of each event, by its index in the batch, as soon as that one is settled: once each, before the
     *     stage completes, those of one aggregate in their order. Called by any thread; must not block
     * @return completes when every event of the batch is settled: stored by the broker, or put aside by policy. It never
     *     completes exceptionally; a run that is closed first leaves it incomplete.
     */
    CompletionStage<Void> deliver(List<OutboxEvent> batch, IntConsumer settled) throws InterruptedException;
}
