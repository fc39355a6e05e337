package io.outboxrelay.api;

import java.util.concurrent.CompletionStage;

/**
 * A message broker, from the first message to the first failure: one that failed is closed and another opened, never
 * mended in place.
 *
 * <ol>
 *   <li>{@link #publish} is called by one thread at a time. Messages of one destination and key are stored in the order
 *       of the calls, where {@link #preservesOrder} is true. Where it is false, delivery calls it for a key again only
 *       once the key's message before is stored.
 *   <li>A stage completes normally only when the broker has durably stored and routed the message, never when it is
 *       merely accepted.
 *   <li>A stage that completes exceptionally means that the broker has failed: every stage that is still open fails too,
 *       and so does every later call. With {@link RejectedException} that one message will never be taken, and nothing
 *       of its destination and key that was published later is stored by this instance, then or ever. Any other
 *       exception means <em>not yet</em>: what failed may have been stored after all, but never a later message of a
 *       destination and key without the earlier ones. A broker that preserves no order need not fail with
 *       {@link RejectedException}: nothing is behind the message, and the others go on.
 *   <li>The broker never retries in a way that loses order or, by a message of its own, stores a failed message later.
 * </ol>
 *
 * <p>Stages may complete on any thread, also inside {@link #publish}. What depends on them must not block.
 */
public interface Broker extends AutoCloseable {

    /**
     * Publishes one message. May block for a bounded, configured time, for what must be known before a send.
     *
     * @return completes when the broker has stored the message
     * @throws RejectedException if the message will never be taken: nothing was sent, and the broker goes on
     */
    CompletionStage<Void> publish(Message message) throws RejectedException, InterruptedException;

    /**
     * Whether messages of one destination and key that are published one after another, without waiting for an answer,
     * are stored in that order. The same for every instance.
     */
    default boolean preservesOrder() {
        return true;
    }

    /** Gives up whatever is not stored yet: every stage that is open fails before this returns. May be called again. */
    @Override
    void close();
}
