package io.outboxrelay.relay.delivery;

import java.io.IOException;
import java.util.List;
import java.util.Set;

import io.outboxrelay.api.Fence;

/** Where events are put aside durably. Safe for use by any thread. */
public interface AsideStore {

    /** Stores events from now on only while this right holds as well. */
    void fence(Fence fence);

    /**
     * Stores events, all of them or none, in their order. One that is there already stays where it is, unless this run has
     * put others of its aggregate behind it: those were handed over again before it, so it moves behind them, at once with
     * what was parked behind it before this run. So a redrive finds every aggregate in order at any moment. Blocks for a
     * bounded time.
     *
     * @return for each event, in order, whether it is stored now. False for an event that was to wait behind others: none
     *     of its aggregate is parked any more, so nothing was done, and it may be sent
     * @throws IOException if that failed, or if a right to read has ended; another attempt may succeed. The message is one
     *     line without any content
     */
    List<Boolean> put(List<AsideEvent> events) throws IOException;

    /**
     * The aggregates that are held back, also by whoever had the right to read before. Blocks for a bounded time.
     *
     * @throws IOException if they cannot be read; the message is one line
     */
    Set<EventKey> parked() throws IOException;

    /**
     * Whether nothing of an aggregate is parked. Blocks for a bounded time.
     *
     * @throws IOException if that cannot be read; the message is one line
     */
    boolean isFree(EventKey key) throws IOException;
}
