package io.outboxrelay.relay.delivery;

import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;

import io.outboxrelay.api.RejectedException;

/**
 * What becomes of rejected events.
 *
 * @param policy what
 * @param topic where {@link Policy#TOPIC} puts them
 * @param store where the other policies put them; empty where nothing can be put aside, and nothing is
 * @param parked the aggregates that are held back from the start, whatever the policy is now
 * @param told of each rejection
 */
public record Rejections(
        Policy policy,
        String topic,
        Optional<AsideStore> store,
        Set<EventKey> parked,
        Consumer<RejectedException.Kind> told) {

    /** What becomes of them. */
    public enum Policy {
        /** Hold back the aggregate until an operator says what becomes of the event. */
        HALT,
        /** Send the event to a topic of its own and go on. */
        TOPIC,
        /** Put the event aside and go on. */
        STORE,
        /** Put the event aside, and every later one of its aggregate behind it. */
        PARK
    }

    /** @throws IllegalArgumentException if the policy needs a store and there is none */
    public Rejections {
        Objects.requireNonNull(told);
        parked = Set.copyOf(parked);
        if (store.isEmpty() && (policy == Policy.STORE || policy == Policy.PARK || !parked.isEmpty())) {
            throw new IllegalArgumentException("nowhere to put events aside");
        }
    }
}
