package io.outboxrelay.relay.deadletter;

import java.time.Instant;
import java.util.Optional;

import io.outboxrelay.api.OutboxEvent;
import io.outboxrelay.api.Position;
import io.outboxrelay.relay.delivery.AsideEvent;
import io.outboxrelay.relay.delivery.EventKey;

/**
 * A row of {@code outbox_dead_letter}: an event that is put aside.
 *
 * @param seq its place in the order; changes when the event is put aside once more after a crash
 * @param name what operators call it: the event's id, or its position where it has none
 * @param event the event as it was
 * @param destination where it was to go; empty where that could not be told
 * @param parked whether it holds back the later events of its aggregate
 * @param kind the kind of rejection, or {@link AsideEvent#BEHIND}
 * @param reason why, in one line
 * @param attempts how often it was tried
 * @param putAsideAt when it was put aside
 * @param triedAt when it was last tried since; empty if it was not
 * @param wish what an operator wants; empty if nothing
 * @param wishedBy who; empty if nobody
 */
public record DeadLetter(
        long seq,
        String name,
        OutboxEvent event,
        String destination,
        boolean parked,
        String kind,
        String reason,
        int attempts,
        Instant putAsideAt,
        Optional<Instant> triedAt,
        Optional<Wish> wish,
        Optional<String> wishedBy) {

    /** What an operator can want. */
    public enum Wish {
        /** Send it once more. */
        REDRIVE,
        /** Delete it unsent. */
        DISCARD
    }

    /** The key of order that it belongs to. */
    public EventKey key() {
        return EventKey.of(event);
    }

    /** Names the event for a log, never its content. */
    @Override
    public String toString() {
        return event.toString();
    }

    /** A position that is only a text any more. */
    record Past(String text) implements Position {
        @Override
        public int compareTo(Position other) {
            throw new UnsupportedOperationException("the position of an event that was put aside has no order");
        }

        @Override
        public String toString() {
            return text;
        }
    }
}
